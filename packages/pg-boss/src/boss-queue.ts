import { OptionError } from '@hongbao/core'
import { wrong } from '@hongbao/core/internal'
import type { JobSettings } from '@hongbao/hand-off/internal'
import type { PgBoss, Queue } from 'pg-boss'

/** A pg-boss that was started, and nothing else of it than is used here. */
export type Boss = Pick<
  PgBoss,
  | 'send'
  | 'work'
  | 'offWork'
  | 'notifyWorker'
  | 'insert'
  | 'fetch'
  | 'complete'
  | 'findJobs'
  | 'retry'
  | 'redrive'
  | 'createQueue'
  | 'updateQueue'
  | 'getQueue'
  | 'getInstances'
>

/** Where events wait, and where dead letters go. */
export interface BossQueue {
  readonly boss: Boss
  readonly name: string
  readonly deadLetter: string
  /** Where a worker finds the dead letters that it must tell of. */
  readonly alarms: string
  /** What it is called in log lines, and apart from queues of other brokers. */
  readonly label: string
}

/** Checks what names a queue. */
export function readBossQueue(boss: Boss, name: string = 'hongbao-events'): BossQueue {
  if (typeof boss?.send !== 'function') throw wrong('boss', 'a `PgBoss` that was started')
  // pg-boss takes these characters, and puts the name into SQL as it is.
  if (typeof name !== 'string' || !/^[\w.\-/]{1,200}$/.test(name)) {
    throw wrong('name', 'the name of a queue: letters, digits, `_`, `.`, `-` and `/`')
  }
  const label = `pg-boss:${name}`
  return { boss, name, deadLetter: `${name}-failed`, alarms: `${name}-alarms`, label }
}

/**
 * Makes the queue and its dead letter queue, or brings them up to date. All is set on the queue and
 * nothing on its jobs, because a job that is redriven is made anew of what its queue says.
 */
export async function prepareQueue(queue: BossQueue, settings: JobSettings): Promise<void> {
  const { keepAppliedSeconds, keepDeadLettersSeconds, attempts, backoffSeconds } = settings
  const kept = {
    // pg-boss deletes what nobody works on after this: 14 days if nothing is said.
    retentionSeconds: keepDeadLettersSeconds,
    deleteAfterSeconds: keepAppliedSeconds,
  }
  await prepare(queue.boss, queue.deadLetter, kept)
  await prepare(queue.boss, queue.name, {
    ...kept,
    deadLetter: queue.deadLetter,
    retryLimit: attempts - 1,
    retryBackoff: true,
    // pg-boss waits one to two times this before the second try, and doubles it from there.
    retryDelay: Math.ceil(backoffSeconds / 2),
    expireInSeconds: Math.ceil(settings.jobTimeoutMs / 1000) + EXPIRY_MARGIN_SECONDS,
    heartbeatSeconds: HEARTBEAT_SECONDS,
  })
}

/** Makes the queue of alarms: an alarm is tried until somebody was told, however many are killed. */
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

// Our answer comes before pg-boss takes the job away: a job that expired is tried again beside the
// handlers that run (pg-boss issue 555), and its worker waits for them, maybe for ever.
export const EXPIRY_MARGIN_SECONDS = 10

// A worker that crashed is noticed after this and up to a minute, not only when its job expires.
const HEARTBEAT_SECONDS = 60

async function prepare(boss: Boss, name: string, options: Omit<Queue, 'name'>): Promise<void> {
  await boss.createQueue(name, options)
  const { policy } = (await boss.getQueue(name)) ?? {}
  if (policy !== 'standard') {
    throw new OptionError(
      'option-invalid',
      `The queue ${name} of pg-boss has the policy ${policy}, under which jobs of different events push each other out. Use another \`name\`, or delete the queue.`,
    )
  }
  // `createQueue` leaves a queue that is there as it is.
  await boss.updateQueue(name, options)
}
