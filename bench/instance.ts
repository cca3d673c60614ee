import express from 'express'
import { Redis } from 'ioredis'
import { Pool } from 'pg'
import { listen, portOf } from './http-load.ts'
import { installed } from './installed.ts'

// One instance of an app behind a load balancer: Express, and an inbox on the given store.

export interface InstanceSettings {
  readonly publicKeyPem: string
  readonly postgresUrl?: string
  readonly redisUrl?: string
}

process.once('message', (settings: InstanceSettings) => void start(settings))
process.once('disconnect', () => process.exit())

async function start({ publicKeyPem, postgresUrl, redisUrl }: InstanceSettings): Promise<void> {
  const { createWebhooks } = await installed('core')
  const { expressWebhooks } = await installed('express')
  const app = express()
  if (postgresUrl !== undefined) {
    const { postgresInbox } = await installed('postgres')
    const inbox = postgresInbox({
      pool: new Pool({ connectionString: postgresUrl, max: 10 }),
      consumer: 'orders',
    })
    await inbox.ensureSchema()
    const webhooks = createWebhooks({ publicKey: publicKeyPem, inbox })
    webhooks.on('red_envelope.sent', async ({ data: { object } }, { tx }) => {
      await tx.query('insert into effects values ($1)', [object.amount])
    })
    app.post('/webhooks', expressWebhooks(webhooks))
  }
  if (redisUrl !== undefined) {
    const { redisInbox } = await installed('redis')
    const client = new Redis(redisUrl)
    const webhooks = createWebhooks({
      publicKey: publicKeyPem,
      inbox: redisInbox({ client, consumer: 'orders', onWarning() {} }),
    })
    webhooks.on('red_envelope.sent', async () => {
      await client.incr('effects')
    })
    app.post('/webhooks', expressWebhooks(webhooks))
  }
  process.send?.(portOf(await listen(app)))
}
