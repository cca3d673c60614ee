import type { Reply, WebhookEvent, Webhooks } from '@hongbao/core'
import { createTestKeys, signDelivery, type TestKeys } from '@hongbao/core/testing'
import { PgBoss, type JobWithMetadata } from 'pg-boss'
import { afterAll, afterEach, beforeAll, vi } from 'vitest'
import { startPostgres, type PostgresServer } from '../../../test/servers/postgres.ts'
import {
  pgBossQueue,
  type PgBossClient,
  type DeadLetter,
  type EventJob,
  type EventWorker,
  type PgBossQueueOptions,
  type QueueReceiver,
  type RedriveOptions,
  type WorkOptions,
} from '../src/index.ts'

/** The options of a worker of a test. */
export type WorkerOptions = WorkOptions & Partial<PgBossQueueOptions>

/** A key pair in Ping++'s place. */
export const PINGPP: TestKeys = createTestKeys()

/** The Postgres of the tests of a file. */
export interface Opened {
  readonly postgres: PostgresServer
  /** A pg-boss that was started, in a database of its own. */
  readonly boss: PgBoss
  /** The connection string of its database. */
  readonly url: string
  /** A name that no queue has. */
  freshName(): string
  /** A worker, closed when the test is over. */
  startWorker(webhooks: Webhooks, name: string, options?: WorkerOptions): Promise<EventWorker>
}

/** Starts a Postgres for the tests of a file. */
export function usePostgres(): Opened {
  let postgres: PostgresServer | undefined
  let boss: PgBoss | undefined
  let url = ''
  let names = 0
  const workers: EventWorker[] = []
  const opened: Opened = {
    get postgres() {
      return started(postgres)
    },
    get boss() {
      return started(boss)
    },
    get url() {
      return url
    },
    freshName() {
      names += 1
      return `events-${names}`
    },
    async startWorker(webhooks, name, options = {}) {
      const { concurrency, acceptUnsigned, onDeadLetter, ...rest } = options
      const { onWarning, logger = false } = rest
      const queue = pgBossQueue({
        boss: opened.boss,
        name,
        logger,
        pollingIntervalSeconds: 0.5,
        ...rest,
      })
      const work = { concurrency, acceptUnsigned, onDeadLetter, onWarning, logger }
      const worker = await queue.work(webhooks, work)
      workers.push(worker)
      return worker
    },
  }

  beforeAll(async () => {
    postgres = await startPostgres()
    url = await postgres.createDatabase()
    boss = new PgBoss({ connectionString: url, supervise: false, schedule: false })
    // While Postgres is down it has an error for every connection.
    boss.on('error', () => {})
    await boss.start()
  }, 60_000)

  afterEach(async () => {
    await opened.postgres.start()
    await Promise.all(workers.splice(0).map((worker) => worker.close()))
  }, 30_000)

  afterAll(async () => {
    await boss?.stop()
    await postgres?.close()
  }, 30_000)
  return opened
}

function started<Thing>(thing: Thing | undefined): Thing {
  if (thing === undefined) throw new Error('It has not been started.')
  return thing
}

/** A receiver that stores what it receives in a queue. */
export async function receiverOf(
  boss: PgBossClient,
  options: Omit<PgBossQueueOptions, 'boss'>,
): Promise<QueueReceiver> {
  const queue = pgBossQueue({ boss, logger: false, ...options })
  await queue.ready()
  return queue.receiver({ publicKey: PINGPP.publicKey, logger: false })
}

type Named = { readonly name: string }

export function deadLettersOf(
  boss: PgBossClient,
  { name, ...selection }: Named & { readonly limit?: number },
): Promise<DeadLetter[]> {
  return pgBossQueue({ boss, name }).deadLetters(selection)
}

export function redrive(
  boss: PgBossClient,
  { name, ...selection }: Named & RedriveOptions,
): Promise<number> {
  return pgBossQueue({ boss, name }).redrive(selection)
}

/** Delivers an event as Ping++ would. */
export function deliver(receiver: QueueReceiver, event: WebhookEvent): Promise<Reply> {
  return receiver.handle(signDelivery(event, PINGPP).delivery())
}

/** The jobs of a queue, as Postgres has them. */
export function jobsOf(boss: PgBoss, name: string): Promise<JobWithMetadata<EventJob>[]> {
  return boss.findJobs<EventJob>(name)
}

/** The only job of a queue. */
export async function onlyJob(boss: PgBoss, name: string): Promise<JobWithMetadata<EventJob>> {
  const [job, ...others] = await jobsOf(boss, name)
  if (job === undefined || others.length > 0) throw new Error('There is not exactly one job.')
  return job
}

/** Lets time pass for the jobs of a queue: pauses are over, and heartbeats are long ago. */
export async function passTime(boss: PgBoss, name: string): Promise<void> {
  await boss.getDb().executeSql(
    `update pgboss.job set start_after = start_after - interval '2 hours',
       heartbeat_on = heartbeat_on - interval '2 hours' where name = $1`,
    [name],
  )
}

/** Fails the jobs that wait in a queue as pg-boss does: their last worker took them and was gone. */
export async function crashOn(boss: PgBoss, name: string): Promise<void> {
  await boss.fetch(name, { batchSize: 1000 })
  await passTime(boss, name)
  // pg-boss has looked within the minute, and would not again.
  const forget =
    'update pgboss.queue set monitor_claim_on = null, monitor_on = null where name = $1'
  await boss.getDb().executeSql(forget, [name])
  await boss.supervise(name)
}

/** Waits for what is to come. The machine may be busy; a test that fails takes this long. */
export function eventually<Value>(check: () => Value | Promise<Value>): Promise<Value> {
  return vi.waitFor(check, 15_000)
}
