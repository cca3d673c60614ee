import { pgBossQueue, type EventQueue } from '@hongbao/pg-boss'
import { Client } from 'pg'
import type { PgBoss } from 'pg-boss'
import { openBoss } from '../../servers/pg-boss.ts'
import { createQueueReceiver, createReceiver } from '../fixture.ts'
import type { Store } from '../store.ts'
import { createInboxTable, effectInTransaction, openInbox } from './postgres.ts'

const NAME = 'hongbao-events'

/** Hand-off to pg-boss; every process works on the queue, too, with a Postgres inbox. */
export const pgBossStore: Store = {
  async prepare({ postgresUrl }) {
    await createInboxTable(postgresUrl)
    // So that four processes need not make the same schema at once.
    const boss = await startBoss(postgresUrl)
    await queueOn(boss).ready()
    await boss.stop()
  },

  async open(fixture) {
    const boss = await startBoss(fixture.setup.postgresUrl)
    const queue = queueOn(boss)
    await queue.ready()
    const applying = createReceiver(fixture, { inbox: openInbox(fixture) })
    applying.on('*', effectInTransaction(fixture))
    await queue.work(applying)
    return createQueueReceiver(fixture, queue)
  },

  async countWaiting({ postgresUrl }) {
    const [row] = await query(postgresUrl, WAITING)
    return Number(row?.['count'])
  },

  passTime: async ({ postgresUrl }) => void (await query(postgresUrl, PASS_TIME)),
}

function queueOn(boss: PgBoss): EventQueue {
  return pgBossQueue({
    boss,
    name: NAME,
    logger: false,
    backoffSeconds: 1,
    pollingIntervalSeconds: 0.5,
  })
}

function startBoss(connectionString: string): Promise<PgBoss> {
  return openBoss(
    { connectionString, max: 6 },
    { schedule: false, superviseIntervalSeconds: 1, monitorIntervalSeconds: 1 },
  )
}

async function query(connectionString: string, text: string): Promise<Record<string, unknown>[]> {
  const client = new Client({ connectionString })
  client.on('error', () => {})
  await client.connect()
  try {
    return (await client.query<Record<string, unknown>>(text, [NAME])).rows
  } finally {
    await client.end()
  }
}

const WAITING = `select count(*) from pgboss.job
  where name = $1 and state in ('created', 'retry', 'active')`

/** A worker that has gone is noticed after two seconds, not after a minute and more. */
const PASS_TIME = `update pgboss.job set heartbeat_on = heartbeat_on - interval '1 hour'
  where name = $1 and state = 'active'
    and heartbeat_on between now() - interval '10 minutes' and now() - interval '2 seconds'`
