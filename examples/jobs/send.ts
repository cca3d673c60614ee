// Send a red envelope. Save the order first, and call it again with the same number only.
import { createPingppClient, PingppError } from '@hongbao/client'

const pingpp = createPingppClient({
  apiKey: process.env.PINGPP_API_KEY,
  privateKey: process.env.PINGPP_PRIVATE_KEY, // your own
  publicKey: process.env.PINGPP_PUBLIC_KEY, // Ping++'s
  baseUrl: process.env.PINGPP_BASE_URL, // the sandbox; unset in production
})

export async function send(orderNo: string, openid: string) {
  try {
    return await pingpp.redEnvelopes.create({
      app: { id: 'app_1Gqj58ynP0mHeX1q' },
      channel: 'wx_pub',
      order_no: orderNo, // 1 to 28 digits
      amount: 888, // in fen
      currency: 'cny',
      recipient: openid,
      subject: '新年红包',
      body: '恭喜发财',
      description: '春节活动',
      extra: { send_name: '红包商店' },
    })
  } catch (error) {
    if (error instanceof PingppError && error.notCreated) console.error('not created', orderNo)
    throw error // otherwise it may exist: the reconciler finds out
  }
}
