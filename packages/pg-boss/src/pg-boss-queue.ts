import { asGiven, must, optional } from '@hongbao/core/internal'
import {
  createEventQueue,
  type EventBroker,
  type EventQueue,
  type JobOptions,
} from '@hongbao/hand-off'
import { createWarn, QueueError, queueOptionsOf, readJobOptions } from '@hongbao/hand-off/internal'
import { prepareQueue, readBossQueue, type Boss } from './boss-queue.ts'
import { listDeadLetters, redrive } from './dead-letters.ts'
import { persist } from './persist.ts'
import { warnOfNoSupervisor } from './supervision.ts'
import { startWorker } from './worker.ts'

/** Options of {@link pgBossQueue}. Wrong ones are refused with an `OptionError`. */
export interface PgBossQueueOptions extends JobOptions {
  /** Your pg-boss. Start it before the first delivery, and stop it yourself. */
  readonly boss: Boss
  /** The name of the queue; dead letters go to `<name>-failed`. Default: `'hongbao-events'`. */
  readonly name?: string | undefined
  /** How often a worker looks for jobs while there are none, in seconds: 0.5 or more. Default: 1. */
  readonly pollingIntervalSeconds?: number | undefined
  /**
   * How often a worker looks for dead letters that no worker knows of, because theirs crashed, in
   * seconds: 0.5 to 3,600. Default: 60.
   */
  readonly watchIntervalSeconds?: number | undefined
}

/**
 * A queue of verified events on pg-boss and Postgres. Make it with the same options in the processes
 * that receive and in those that work.
 *
 * One event is one job, however often Ping++ sends it. The redelivery of a dead letter wakes its job.
 *
 * Its queues in pg-boss are made, or their settings brought up to date, by `ready`, or else by the first
 * delivery. `ready` rejects with an `OptionError` if a queue of that name has another policy.
 *
 * @throws OptionError for a wrong option
 */
export function pgBossQueue(options: PgBossQueueOptions): EventQueue {
  const {
    boss,
    name: given,
    pollingIntervalSeconds,
    watchIntervalSeconds,
    ...settings
  } = readJobOptions('pgBossQueue', options, {
    boss: asGiven(),
    name: asGiven(),
    pollingIntervalSeconds: optional(
      must('0.5 or more', (value) => value >= 0.5),
      1,
    ),
    watchIntervalSeconds: optional(
      must('a number from 0.5 to 3,600', (value) => value >= 0.5 && value <= 3600),
      60,
    ),
  })
  const queue = readBossQueue(boss, given)
  const { name, label } = queue
  const warn = createWarn(options)
  let prepared: Promise<void> | undefined

  /** Once, and again if it failed. */
  function prepare(): Promise<void> {
    prepared ??= prepareAndWarn().catch((error: unknown) => {
      prepared = undefined
      throw error
    })
    return prepared
  }

  async function prepareAndWarn(): Promise<void> {
    await prepareQueue(queue, settings)
    await warnOfNoSupervisor(queue, warn)
  }

  const broker: EventBroker = {
    name: label,
    async persist(job) {
      await prepare()
      await persist(queue, job)
    },
    async take(work) {
      // The receivers' settings count, if there is one.
      if ((await boss.getQueue(name)) === null) await prepareQueue(queue, settings)
      await warnOfNoSupervisor(queue, work.warn)
      return startWorker(queue, { pollingIntervalSeconds, watchIntervalSeconds }, work)
    },
    deadLetters: (selection) => listDeadLetters(queue, selection),
    redrive: (selection) => redrive(queue, selection),
    async ready() {
      await prepare()
      if ((await boss.getQueue(name)) !== null) return
      throw new QueueError(
        'queue-not-ready',
        `pg-boss has no queue ${name} any more: it was deleted. Start this process again to make it.`,
      )
    },
  }
  return createEventQueue(broker, queueOptionsOf(options))
}
