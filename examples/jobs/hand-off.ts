// Hand off: 200 once Postgres has the event as a job. Workers, here in the same process, apply it.
import { createWebhooks } from '@hongbao/core'
import { expressWebhooks } from '@hongbao/express'
import { pgBossQueue } from '@hongbao/pg-boss'
import express from 'express'
import { PgBoss } from 'pg-boss'

const publicKey = process.env.PINGPP_PUBLIC_KEY
const boss = new PgBoss(process.env.DATABASE_URL ?? '')
boss.on('error', console.error)
await boss.start()
const queue = pgBossQueue({ boss })

const webhooks = createWebhooks({ publicKey }) // several processes: with postgresInbox()
webhooks.on('red_envelope.sent', ({ data: { object: envelope } }) => {
  console.log('sent', envelope.order_no, envelope.amount)
})
const worker = await queue.work(webhooks, { onDeadLetter: console.error })

const app = express()
app.post('/webhooks', expressWebhooks(queue.receiver({ publicKey })))
export const server = app.listen(Number(process.env.PORT ?? 3000))

export async function stop() {
  server.close()
  await worker.close()
  await boss.stop({ timeout: 1000 })
}
