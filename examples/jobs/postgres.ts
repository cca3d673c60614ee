// Postgres: the record of an event and what its handler writes commit together, once.
import { createWebhooks } from '@hongbao/core'
import { expressWebhooks } from '@hongbao/express'
import { postgresInbox } from '@hongbao/postgres'
import express from 'express'
import { Pool } from 'pg'

const { PINGPP_PUBLIC_KEY: publicKey, DATABASE_URL: connectionString, PORT = '3000' } = process.env
const pool = new Pool({ connectionString, connectionTimeoutMillis: 1000 })
const inbox = postgresInbox({ pool, consumer: 'ledger' })
await inbox.ensureSchema()

const webhooks = createWebhooks({ publicKey, inbox })
webhooks.on('red_envelope.received', async ({ data: { object: envelope } }, { tx }) => {
  await tx.query('insert into ledger (order_no, amount) values ($1, $2)', [
    envelope.order_no,
    envelope.amount,
  ])
})

const app = express()
app.post('/webhooks', expressWebhooks(webhooks))
app.listen(Number(PORT))
