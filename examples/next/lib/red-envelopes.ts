import {
  createPingppClient,
  createReconciler,
  type PingppClient,
  type Reconciler,
} from '@hongbao/client'
import { createWebhooks } from '@hongbao/core'
import { advanceOrder, openOrders, type Order } from '@/lib/orders'

const app = 'app_1Gqj58ynP0mHeX1q' // the id of yours in Ping++; no secret. 换成你的应用 ID，它不是机密。

export const webhooks = createWebhooks({
  publicKey: () => process.env.PINGPP_PUBLIC_KEY ?? '', // a function: `next build` has no key
  app,
  onError(error) {
    console.error(error) // the default log leaves the text of errors out
  },
})
// Ping++ has webhooks for the first two. The reconciler finds the others. 后三种没有 webhook，由查询得到。
for (const status of ['sent', 'received', 'failed', 'refunding', 'refund'] as const) {
  webhooks.on(`red_envelope.${status}`, ({ data }) => advanceOrder(data.object, status))
}

export function createShopReconciler(): Reconciler {
  return createReconciler({ pingpp: createClient(), webhooks, app, open: openOrders })
}

export async function sendEnvelope({ order_no, openid, amount }: Order): Promise<void> {
  const envelope = await createClient().redEnvelopes.create({
    channel: 'wx_pub', // WeChat
    order_no,
    amount,
    currency: 'cny',
    recipient: openid,
    subject: '新年红包', // at most ten Chinese characters
    body: '恭喜发财',
    description: '感谢您的订单',
    extra: { send_name: '红包商店' },
  })
  advanceOrder(envelope, envelope.status)
}

function createClient(): PingppClient {
  return createPingppClient({
    app,
    apiKey: process.env.PINGPP_API_KEY,
    privateKey: process.env.PINGPP_PRIVATE_KEY, // your own
    publicKey: process.env.PINGPP_PUBLIC_KEY, // Ping++'s
    baseUrl: process.env.PINGPP_BASE_URL, // the sandbox; unset in production
  })
}
