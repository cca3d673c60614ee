// The worker: applies the stored webhooks to the orders, and queries Ping++ for what has no webhook.
import { createReconciler } from '@hongbao/client'
import { createWebhooks } from '@hongbao/core'
import { postgresInbox } from '@hongbao/postgres'
import { advanceOrder, openOrders, pool } from './orders.ts'
import { app, pingpp, publicKey, queue } from './pingpp.ts'

// The app creates the table of orders: start it first. 订单表由应用创建，请先启动应用。
const inbox = postgresInbox({ pool, consumer: 'shop' })
await inbox.ensureSchema()
const webhooks = createWebhooks({ publicKey, app, inbox, handlerTimeoutMs: 20_000 })

// Ping++ has webhooks for the first two. The reconciler finds the others. 后三种没有 webhook，由查询得到。
for (const status of ['sent', 'received', 'failed', 'refunding', 'refund'] as const) {
  webhooks.on(`red_envelope.${status}`, async ({ data }, { tx }) => {
    // Commits with the record of the event, once. 与去重记录同一事务提交。
    await advanceOrder(tx, data.object, status)
  })
}

const worker = await queue.work(webhooks, {
  onDeadLetter: ({ eventType, eventId, reason }) => console.error(eventType, eventId, reason),
})
const reconciler = createReconciler({ pingpp, webhooks, app, open: openOrders })
reconciler.start() // in one worker only

async function shutDown() {
  await reconciler.close()
  await worker.close() // waits for jobs, at most 30 s
  await queue.close()
  await pool.end()
}
for (const signal of ['SIGINT', 'SIGTERM']) process.once(signal, () => void shutDown())
