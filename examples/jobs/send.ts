// Send a red envelope: `node send.ts 20260217 <openid>`. Save the order first.
import { createPingppClient, PingppError } from '@hongbao/client'

const {
  PINGPP_API_KEY: apiKey,
  PINGPP_PRIVATE_KEY: privateKey, // your own
  PINGPP_PUBLIC_KEY: publicKey, // Ping++'s
  PINGPP_BASE_URL: baseUrl, // the sandbox; unset in production
} = process.env
const pingpp = createPingppClient({ apiKey, privateKey, publicKey, baseUrl })

const [orderNo = '', openid = ''] = process.argv.slice(2)
try {
  const envelope = await pingpp.redEnvelopes.create({
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
  console.log(envelope.id, envelope.status)
} catch (error) {
  // Otherwise it may exist: ask Ping++, or send again with the same number, never with a new one.
  if (!(error instanceof PingppError && error.notCreated)) throw error
  console.log('not created', error.code) // by this call
}
