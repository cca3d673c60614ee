import { must, optional } from '@hongbao/core/internal'
import type { EventBroker, EventQueue, JobOptions } from '@hongbao/hand-off'
import {
  createWarn,
  openEventQueue,
  QueueError,
  readJobOptions,
  type JobSettings,
} from '@hongbao/hand-off/internal'
import { bossQueue, prepareQueue, warnOfNoSupervisor, type PgBossClient } from './boss-queue.ts'
import { listDeadLetters, redrive } from './dead-letters.ts'
import { persist } from './persist.ts'
import type { PgBossWarningCode } from './warnings.ts'
import { startWorker, type Intervals } from './worker.ts'

/** Options of {@link pgBossQueue}. Wrong ones are refused with an `OptionError`. */
export interface PgBossQueueOptions extends JobOptions<PgBossWarningCode> {
  /** Your pg-boss. Start it before the first delivery, and stop it yourself. */
  readonly boss: PgBossClient
  /** The name of the queue; dead letters go to `<name>-failed`. Default: `'hongbao-events'`. */
  readonly name?: string | undefined
  /** How often a worker looks for jobs while there are none, in seconds: 0.5 or more. Default: 1. */
  readonly pollingIntervalSeconds?: number | undefined
  /**
   * How often a worker looks for dead letters of crashed workers, in seconds: 0.5 to 3,600.
   * Default: 60.
   */
  readonly watchIntervalSeconds?: number | undefined
}

/**
 * Makes a queue of verified events on pg-boss and Postgres. Receivers and workers need the same options.
 *
 * One event is one job, however often Ping++ sends it. The redelivery of a dead letter retries its job.
 *
 * `ready`, or else the first delivery, creates its queues in pg-boss or updates their settings. `ready`
 * rejects with an `OptionError` if a queue of that name has another policy.
 *
 * @throws OptionError for a wrong option
 */
export function pgBossQueue(options: PgBossQueueOptions): EventQueue<PgBossWarningCode> {
  const settings = readJobOptions('pgBossQueue', options, {
    boss: must('a `PgBoss` that was started', (boss) => typeof boss?.send === 'function'),
    name: optional(
      must('the name of a queue: letters, digits, `_`, `.`, `-` and `/`', isName),
      'hongbao-events',
    ),
    pollingIntervalSeconds: optional(
      must('0.5 or more', (seconds) => seconds >= 0.5),
      1,
    ),
    watchIntervalSeconds: optional(
      must('a number from 0.5 to 3,600', (seconds) => seconds >= 0.5 && seconds <= 3600),
      60,
    ),
  })
  return openEventQueue(createBroker(settings), settings)
}

/** pg-boss accepts these characters, and puts the name into SQL without escaping it. */
function isName(name: string): boolean {
  return typeof name === 'string' && /^[\w.\-/]{1,200}$/.test(name)
}

interface BrokerSettings extends JobSettings, Intervals {
  readonly boss: PgBossClient
  readonly name: string
}

function createBroker(settings: BrokerSettings): EventBroker<PgBossWarningCode> {
  const { boss, name } = settings
  const queue = bossQueue(boss, name)
  const warn = createWarn(settings)
  let prepared: Promise<void> | undefined

  /** Prepares the queues once, or again if that failed. */
  function prepare(): Promise<void> {
    prepared ??= prepareQueue(queue, settings)
      .then(() => warnOfNoSupervisor(queue, warn))
      .catch((error: unknown) => {
        prepared = undefined
        throw error
      })
    return prepared
  }

  return {
    name: queue.label,
    async persist(job) {
      await prepare()
      await persist(queue, job)
    },
    async take(runner) {
      // A worker does not change the settings that receivers have made.
      if ((await boss.getQueue(name)) === null) await prepareQueue(queue, settings)
      await warnOfNoSupervisor(queue, runner.warn)
      return startWorker(queue, settings, runner)
    },
    deadLetters: ({ limit }) => listDeadLetters(queue, limit),
    redrive: (selection) => redrive(queue, selection),
    async ready() {
      await prepare()
      if ((await boss.getQueue(name)) !== null) return
      throw new QueueError(
        'queue-not-ready',
        `pg-boss has no queue ${name}: it was deleted. Restart this process to create it.`,
      )
    },
  }
}
