// What each inbox lends is inferred.
import {
  createWebhooks,
  memoryInbox,
  type ContextOf,
  type Inbox,
  type WebhookHandler,
} from '@hongbao/core'
import { eventFixture, testContext } from '@hongbao/core/testing'
import { postgresInbox } from '@hongbao/postgres'
import { postgresJsPool } from '@hongbao/postgres/postgres-js'
import { redisInbox } from '@hongbao/redis'
import { Redis } from 'ioredis'
import { Pool } from 'pg'
import postgres from 'postgres'

const publicKey = ''
const consumer = 'orders'

const pg = postgresInbox({ pool: new Pool(), consumer })
createWebhooks({ publicKey, inbox: pg }).on('*', async (_, { tx, key }) => {
  const { rowCount } = await tx.query('select 1 from payments where key = $1', [key])
  return rowCount
})
export const onPaid: WebhookHandler<'charge.succeeded', ContextOf<typeof pg>> = (event, { tx }) =>
  tx.query('insert into payments values ($1)', [event.data.object.id])

const postgresJs = postgresInbox({ pool: postgresJsPool(() => postgres('')), consumer })
createWebhooks({ publicKey, inbox: postgresJs }).on('*', async (_, { tx, key }) => {
  await tx`insert into payments values (${key})`
})

const redis = redisInbox({ client: new Redis(), consumer })
createWebhooks({ publicKey, inbox: redis }).on('*', (_, { lease }) => lease.token.toFixed())

createWebhooks({ publicKey, inbox: memoryInbox() }).on('*', (_, { rawBody }) => rawBody?.byteLength)

interface Tx {
  insert(key: string): Promise<void>
}
declare const own: Inbox<{ readonly tx: Tx }>
export const webhooks = createWebhooks({ publicKey, inbox: own })
webhooks.on('red_envelope.sent', (_, { tx, key }) => tx.insert(key))

export const onOwn: WebhookHandler<'red_envelope.sent', ContextOf<typeof webhooks>> = (
  _,
  { tx, key },
) => tx.insert(key)
export const tested = onOwn(
  eventFixture('red_envelope.sent'),
  testContext({ tx: { insert: () => Promise.resolve() } }),
)
