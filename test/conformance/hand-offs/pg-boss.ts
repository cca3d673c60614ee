import { pgBossQueue, type EventJob, type EventWorker } from '@hongbao/pg-boss'
import { openBoss } from '../../servers/pg-boss.ts'
import { startPostgres } from '../../servers/postgres.ts'
import type { HandOffHost, QueueClient, QueuedJob } from '../hand-off-host.ts'

export const pgBossHost: HandOffHost = {
  name: '@hongbao/pg-boss',
  isHere: true,
  async start() {
    const server = await startPostgres()
    return { server, kind: 'pg-boss', url: server.url, close: () => server.close() }
  },
}

/** Connects to a queue of pg-boss. */
export async function connectPgBoss(url: string, name: string): Promise<QueueClient> {
  const boss = await openBoss({ connectionString: url }, { supervise: false, schedule: false })
  const workers: EventWorker[] = []

  async function jobs(): Promise<QueuedJob[]> {
    const all = await boss.findJobs<EventJob>(name)
    return all.map(({ data, state, output }) => ({
      eventId: String(data.id),
      state: STATES[state] ?? 'waiting',
      outcome: state === 'completed' ? String(Object(output).outcome) : undefined,
      data,
    }))
  }

  async function passTime(): Promise<void> {
    await boss.getDb().executeSql(
      `update pgboss.job set start_after = start_after - interval '1 hour',
         heartbeat_on = heartbeat_on - interval '1 hour' where name = $1`,
      [name],
    )
    await boss.supervise(name)
  }

  async function noticeDeaths(): Promise<void> {
    const [ours, db] = [[name, `${name}-alarms`], boss.getDb()]
    await db.executeSql(
      `update pgboss.job set started_on = started_on - interval '1 hour',
         heartbeat_on = heartbeat_on - interval '1 hour' where name = any($1)`,
      [ours],
    )
    // pg-boss has looked within the minute, and would not again.
    await db.executeSql(
      'update pgboss.queue set monitor_claim_on = null, monitor_on = null where name = any($1)',
      [ours],
    )
    await boss.supervise()
    await db.executeSql(
      `update pgboss.job set start_after = start_after - interval '1 hour' where name = any($1)`,
      [ours],
    )
  }

  const quiet = { logger: false, pollingIntervalSeconds: 0.5 } as const
  const events = pgBossQueue({ boss, name, ...quiet })
  return {
    async receiver(publicKey, tries) {
      const queue = pgBossQueue({ boss, name, ...quiet, ...tries })
      await queue.ready()
      return queue.receiver({ publicKey, logger: false })
    },
    async work(webhooks, { crashes: _crashes, ...how } = {}) {
      const worker = await events.work(webhooks, { logger: false, ...how })
      workers.push(worker)
      return worker
    },
    async add(data) {
      await boss.send(name, data)
    },
    jobs,
    deadLetters: (options) => events.deadLetters(options),
    redrive: (options) => events.redrive(options),
    async contents() {
      const { rows } = await boss.getDb().executeSql('select * from pgboss.job')
      return JSON.stringify(rows)
    },
    passTime,
    noticeDeaths,
    async close() {
      await Promise.all(workers.map((worker) => worker.close()))
      await boss.stop()
    },
  }
}

const STATES: Readonly<Record<string, QueuedJob['state']>> = {
  active: 'active',
  completed: 'done',
  failed: 'failed',
}
