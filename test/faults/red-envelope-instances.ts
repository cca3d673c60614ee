import { createWebhooks, type Receiver, type RedEnvelopeStatus, type Webhooks } from '@hongbao/core'
import { envelopeStatusesBefore } from '@hongbao/core'
import { createTestKeys, type TestKeys } from '@hongbao/core/testing'
import { postgresInbox, type Isolation, type PostgresClient } from '@hongbao/postgres'
import { redisInbox } from '@hongbao/redis'
import { Redis } from 'ioredis'
import { Pool } from 'pg'
import { openPool } from '../servers/postgres.ts'
import { hasRedis, startRedis } from '../servers/redis.ts'

/** An app that keeps the states of envelopes in Postgres, and how its instances share what they know. */
export interface StateKeeper {
  readonly name: string
  readonly isHere: boolean
  start(database: string, points: Points): Promise<StartedKeeper>
}

export interface StartedKeeper {
  /** Another instance, with connections of its own. */
  open(): Receiver
  close(): Promise<void>
}

/** Where handlers ask whether they may go on. */
export interface Points {
  pass(point: Point, status: RedEnvelopeStatus, orderNo: string): Promise<void>
}

/** Before the statement that advances the envelope; after it, nothing committed yet. */
export type Point = 'before' | 'behind'

/** A key pair in Ping++'s place. */
export const PINGPP: TestKeys = createTestKeys()

/** The effects have no unique key, so that doubles show. */
export const TABLES = `
create table red_envelopes (order_no text primary key, status text not null);
create table effects (order_no text not null, status text not null)`

/** As docs/inboxes.md has it. */
export const MOVE_ON =
  'update red_envelopes set status = $1 where order_no = $2 and status = any($3)'

const ISOLATIONS: readonly Isolation[] = ['read committed', 'repeatable read', 'serializable']

export const STATE_KEEPERS: readonly StateKeeper[] = [
  ...ISOLATIONS.map(keeperOnPostgres),
  { name: '@hongbao/redis', isHere: hasRedis, start: startKeeperOnRedis },
]

function keeperOnPostgres(isolation: Isolation): StateKeeper {
  async function start(connectionString: string, points: Points): Promise<StartedKeeper> {
    const pools: Pool[] = []

    function openInbox() {
      const pool = new Pool({ connectionString })
      pools.push(pool)
      return postgresInbox({ pool, consumer: 'orders', isolation })
    }

    await openInbox().ensureSchema()
    return {
      open() {
        const webhooks = createWebhooks({
          publicKey: PINGPP.publicKey,
          inbox: openInbox(),
          logger: false,
        })
        return keepStates(webhooks, points, ({ tx }, write) => write(tx))
      },
      close: async () => void (await Promise.all(pools.map((pool) => pool.end()))),
    }
  }

  return { name: `@hongbao/postgres, ${isolation}`, isHere: true, start }
}

/** The states are in Postgres all the same, each written in a transaction of its own. */
async function startKeeperOnRedis(
  connectionString: string,
  points: Points,
): Promise<StartedKeeper> {
  const server = await startRedis()
  const pool = openPool({ connectionString })
  const clients: Redis[] = []
  return {
    open() {
      const client = new Redis(server.url)
      clients.push(client)
      const inbox = redisInbox({ client, consumer: 'orders' })
      const webhooks = createWebhooks({ publicKey: PINGPP.publicKey, inbox, logger: false })
      return keepStates(webhooks, points, (_, write) => inTransaction(pool, write))
    },
    async close() {
      for (const client of clients) client.disconnect()
      await Promise.all([server.close(), pool.end()])
    },
  }
}

type Write = (client: PostgresClient) => Promise<void>

/** An event advances the state of an envelope, unless it is older; it has its effect either way. */
function keepStates<Context extends object>(
  webhooks: Webhooks<Context>,
  points: Points,
  transact: (context: Context, write: Write) => Promise<void>,
): Webhooks<Context> {
  function moveOn(orderNo: string, status: RedEnvelopeStatus, context: Context): Promise<void> {
    return transact(context, async (client) => {
      await points.pass('before', status, orderNo)
      await client.query(MOVE_ON, [status, orderNo, envelopeStatusesBefore(status)])
      await client.query('insert into effects values ($1, $2)', [orderNo, status])
      await points.pass('behind', status, orderNo)
    })
  }

  return webhooks
    .on('red_envelope.sent', ({ data: { object } }, context) =>
      moveOn(object.order_no, 'sent', context),
    )
    .on('red_envelope.received', ({ data: { object } }, context) =>
      moveOn(object.order_no, 'received', context),
    )
}

async function inTransaction(pool: Pool, write: Write): Promise<void> {
  const client = await pool.connect()
  try {
    await client.query('begin')
    await write(client)
    await client.query('commit')
  } catch (error) {
    await client.query('rollback')
    throw error
  } finally {
    client.release()
  }
}
