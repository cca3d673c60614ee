// Hand off: 200 once Postgres has the event as a job. Workers, here in the same process, apply it.
import { createWebhooks } from '@hongbao/core'
import { expressWebhooks } from '@hongbao/express'
import { pgBossQueue } from '@hongbao/pg-boss'
import express from 'express'
import { PgBoss } from 'pg-boss'

const {
  PINGPP_PUBLIC_KEY: publicKey,
  DATABASE_URL: connectionString = '',
  PORT = '3000',
} = process.env
const connection = { connectionString, query_timeout: 10_000 } // pg's own limit
const boss = new PgBoss(connection)
boss.on('error', console.error)
await boss.start()
const queue = pgBossQueue({ boss })

const webhooks = createWebhooks({ publicKey }) // several processes: with postgresInbox()
webhooks.on('red_envelope.sent', ({ data: { object: envelope } }) => {
  console.log('sent', envelope.order_no, envelope.amount)
})
await queue.work(webhooks, { onDeadLetter: console.error })

const app = express()
app.post('/webhooks', expressWebhooks(queue.receiver({ publicKey })))
app.listen(Number(PORT))
