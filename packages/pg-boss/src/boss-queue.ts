import { OptionError } from '@hongbao/core'
import type { JobSettings } from '@hongbao/hand-off/internal'
import type { PgBoss, Queue } from 'pg-boss'
import type { Warn } from './warnings.ts'

/** A pg-boss that was started: the part of it that is used here. */
export type PgBossClient = Pick<PgBoss, JobCall | QueueCall | WorkerCall>

type JobCall = 'send' | 'insert' | 'fetch' | 'complete' | 'findJobs' | 'retry' | 'redrive'
type QueueCall = 'createQueue' | 'updateQueue' | 'getQueue' | 'getInstances'
type WorkerCall = 'work' | 'offWork' | 'notifyWorker'

/** A queue in pg-boss, and the two queues that belong to it. */
export interface BossQueue {
  readonly boss: PgBossClient
  readonly name: string
  readonly deadLetter: string
  /** Has a job for each dead letter of crashed workers that is to be reported. */
  readonly alarms: string
  /** The name in log lines, different from those of other brokers. */
  readonly label: string
}

export function bossQueue(boss: PgBossClient, name: string): BossQueue {
  const label = `pg-boss:${name}`
  return { boss, name, deadLetter: `${name}-failed`, alarms: `${name}-alarms`, label }
}

/**
 * Creates the queue and its dead letter queue, or updates their settings. Jobs have no settings of
 * their own, because pg-boss gives a job that is redriven those of its queue.
 */
export async function prepareQueue(queue: BossQueue, settings: JobSettings): Promise<void> {
  const { keepAppliedSeconds, keepDeadLettersSeconds, attempts, backoffSeconds } = settings
  const kept = {
    // pg-boss deletes jobs that wait for longer than this. Its default is 14 days.
    retentionSeconds: keepDeadLettersSeconds,
    deleteAfterSeconds: keepAppliedSeconds,
  }
  await prepare(queue.boss, queue.deadLetter, kept)
  await prepare(queue.boss, queue.name, {
    ...kept,
    deadLetter: queue.deadLetter,
    retryLimit: attempts - 1,
    retryBackoff: true,
    // pg-boss waits once to twice this before the first retry, and doubles it for each further one.
    retryDelay: Math.ceil(backoffSeconds / 2),
    expireInSeconds: Math.ceil(settings.jobTimeoutMs / 1000) + EXPIRY_MARGIN_SECONDS,
    heartbeatSeconds: HEARTBEAT_SECONDS,
  })
}

/** Creates the queue of alarms. An alarm is retried until a worker has reported it. */
export async function prepareAlarms({ boss, alarms }: BossQueue): Promise<void> {
  await prepare(boss, alarms, {
    retryLimit: 1_000_000,
    retryBackoff: false,
    retryDelay: 0,
    expireInSeconds: ALARM_SECONDS,
  })
}

// `onDeadLetter` has five seconds.
const ALARM_SECONDS = 60

// Our worker gives up a job before it expires: pg-boss runs an expired job again while its handlers
// run (pg-boss issue 555), and its worker waits for them without a limit.
export const EXPIRY_MARGIN_SECONDS = 10

// pg-boss detects a crashed worker after this and up to a minute, not when its job expires.
const HEARTBEAT_SECONDS = 60

async function prepare(
  boss: PgBossClient,
  name: string,
  options: Omit<Queue, 'name'>,
): Promise<void> {
  await boss.createQueue(name, options)
  const { policy } = (await boss.getQueue(name)) ?? {}
  if (policy !== 'standard') {
    throw new OptionError(
      'option-invalid',
      `The queue ${name} of pg-boss has the policy ${policy}, which can drop the job of an event. Use another \`name\`, or delete the queue.`,
    )
  }
  // `createQueue` does not change a queue that exists.
  await boss.updateQueue(name, options)
}

/**
 * Warns if no running pg-boss has `supervise`: then nothing detects that a worker crashed, and its
 * jobs stay `active`.
 */
export async function warnOfNoSupervisor({ boss, label }: BossQueue, warn: Warn): Promise<void> {
  if (!(await lacksSupervisor(boss))) return
  warn(
    'pg-boss-unsupervised',
    `No running pg-boss of ${label} has \`supervise\`, so the jobs of a worker that crashes are NEVER RETRIED. Leave \`supervise\` at its default, true, in at least one process, or call \`boss.supervise()\` once a minute.`,
  )
}

async function lacksSupervisor(boss: PgBossClient): Promise<boolean> {
  try {
    const instances = await boss.getInstances({ limit: MAX_LISTED })
    const live = instances.filter((instance) => instance.live)
    // A process with `registerInstance: false` is not in the list.
    return live.length > 0 && !live.some((instance) => instance.supervise)
  } catch {
    return false
  }
}

/** The most that pg-boss returns in one list. */
export const MAX_LISTED = 100_000
