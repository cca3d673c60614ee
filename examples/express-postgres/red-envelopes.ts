// Sends red envelopes, and follows them to their final status: by webhook, and by query if none arrives.
import { createPingppClient, createReconciler, type Reconciler } from '@hongbao/client'
import { createWebhooks, type Webhooks } from '@hongbao/core'
import { postgresInbox, type PgContext } from '@hongbao/postgres'
import type { PoolClient } from 'pg'
import { advanceOrder, openOrders, pool, type Order } from './orders.ts'

const {
  PINGPP_APP: app = '',
  PINGPP_API_KEY: apiKey,
  PINGPP_PRIVATE_KEY: privateKey, // your own
  PINGPP_PUBLIC_KEY: publicKey, // Ping++'s
  PINGPP_BASE_URL: baseUrl, // the sandbox; unset in production
} = process.env

const inbox = postgresInbox({ pool, consumer: 'shop' })
await inbox.ensureSchema()

export const webhooks: Webhooks<PgContext<PoolClient>> = createWebhooks({
  publicKey,
  app,
  inbox,
  onError(error) {
    console.error(error) // the default log leaves the text of errors out
  },
})

// Ping++ has webhooks for the first two. The reconciler finds the others. 后三种没有 webhook，由查询得到。
for (const status of ['sent', 'received', 'failed', 'refunding', 'refund'] as const) {
  webhooks.on(`red_envelope.${status}`, async ({ data }, { tx }) => {
    // Commits with the record of the event, once. 与去重记录同一事务提交。
    await advanceOrder(tx, data.object, status)
  })
}

const pingpp = createPingppClient({ apiKey, privateKey, publicKey, baseUrl, app })
export const reconciler: Reconciler = createReconciler({ pingpp, webhooks, app, open: openOrders })

/** Sends the envelope of an order that is saved. A second call has the same number, so it sends no second one. */
export async function sendEnvelope({ order_no, openid, amount }: Order): Promise<void> {
  const envelope = await pingpp.redEnvelopes.create({
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
  await advanceOrder(pool, envelope, envelope.status)
}
