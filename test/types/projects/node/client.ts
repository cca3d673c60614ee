import { createPingppClient, type RedEnvelopeCreateParams } from '@hongbao/client'

const params = {
  order_no: '20240210000001',
  channel: 'wx_pub',
  amount: 100,
  currency: 'cny',
  recipient: 'openid',
  subject: '新年红包',
  body: '恭喜发财',
  description: '春节活动',
  extra: { send_name: '红包商店' },
} satisfies RedEnvelopeCreateParams

const pingpp = createPingppClient({ apiKey: process.env['PINGPP_API_KEY'], app: 'app_1' })

export const ofTheClientsApp: Promise<string> = pingpp.redEnvelopes
  .create(params)
  .then(({ order_no }) => order_no)
export const ofAnotherApp: Promise<string> = pingpp.redEnvelopes
  .create({ ...params, app: { id: 'app_2' } })
  .then(({ status }) => status)

export async function amounts(): Promise<number> {
  let sum = 0
  for await (const { amount } of pingpp.redEnvelopes.list({ app: { id: 'app_2' } })) sum += amount
  return sum
}
