// An exported receiver with a short annotation, and its handlers in other files.
import { createWebhooks, type Webhooks } from '@hongbao/core'
import { expressWebhooks } from '@hongbao/express'
import { postgresInbox, type PgContext } from '@hongbao/postgres'
import express from 'express'
import { Pool, type PoolClient } from 'pg'
import { handlers } from './handlers.js'
import { onSent } from './on-sent.js'

export const webhooks: Webhooks<PgContext<PoolClient>> = createWebhooks({
  publicKey: process.env['PINGPP_PUBLIC_KEY'],
  inbox: postgresInbox({ pool: new Pool(), consumer: 'orders' }),
  on: { 'red_envelope.sent': onSent },
})
webhooks.on(handlers)

express().post('/webhooks', expressWebhooks(webhooks))

export async function scope(): Promise<void> {
  await using receiver = createWebhooks({ publicKey: '' })
  receiver.on(['charge.succeeded', 'charge.failed'], ({ data }) => data.object.amount)
}
