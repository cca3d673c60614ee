import type { Sandbox } from '@hongbao/sandbox'

/** Creates a red envelope by the sandbox's API, as a merchant's server does. */
export function createEnvelope(sandbox: Sandbox, orderNo: string): Promise<Response> {
  return fetch(`${sandbox.url}/v1/red_envelopes`, {
    method: 'POST',
    headers: { authorization: `Bearer ${sandbox.apiKey}`, 'content-type': 'application/json' },
    body: JSON.stringify({
      app: { id: 'app_1Gqj58ynP0mHeX1q' },
      channel: 'wx_pub',
      order_no: orderNo,
      amount: 888,
      currency: 'cny',
      recipient: 'o9zpMs7Xk9e9aJbTXgufovuWGp7c',
      subject: '新年红包',
      body: '恭喜发财',
      description: '春节活动',
      extra: { send_name: '红包商店' },
    }),
  })
}
