import { pgBossQueue, type EventJob, type EventWorker } from '@hongbao/pg-boss'
import { PgBoss } from 'pg-boss'
import { openBoss } from '../../servers/pg-boss.ts'
import { startPostgres } from '../../servers/postgres.ts'
import type { HandOffHost, QueueClient, QueuedJob, Tries } from '../hand-off-host.ts'

export const pgBossHost: HandOffHost = {
  name: '@hongbao/pg-boss',
  isHere: true,
  // The tests supervise by themselves.
  codesOfLostJob: ['pg-boss-unsupervised'],
  async start() {
    const server = await startPostgres()
    return { server, kind: 'pg-boss', url: server.url, close: () => server.close() }
  },
  make: (options) => pgBossQueue({ boss: new PgBoss('postgres://127.0.0.1'), ...options }),
}

/** Connects to a queue of pg-boss. */
export async function connectPgBoss(url: string, name: string, tries: Tries): Promise<QueueClient> {
  const boss = await openBoss({ connectionString: url }, { supervise: false, schedule: false })
  const workers: EventWorker[] = []

  async function jobs(): Promise<QueuedJob[]> {
    const all = await boss.findJobs<EventJob>(name)
    return all.map(({ data, state, output, retryCount: retries, startAfter, startedOn }) => ({
      eventId: String(data.id),
      state: STATES[state] ?? 'waiting',
      outcome: state === 'completed' ? String(Object(output).outcome) : undefined,
      retries,
      pauseMs: state === 'retry' ? startAfter.getTime() - startedOn.getTime() : undefined,
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
  const events = pgBossQueue({ boss, name, ...quiet, ...tries })
  return {
    async receiver(publicKey) {
      await events.ready()
      return events.receiver({ publicKey, logger: false })
    },
    async work(webhooks, { crashes: _crashes, losesJobs: _losesJobs, ...how } = {}) {
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
