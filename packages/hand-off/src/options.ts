import { OptionError, type Logger, type OnWarning } from '@hongbao/core'
import {
  callback,
  checkOptions,
  flag,
  milliseconds,
  must,
  optional,
  readEach,
  readLogger,
  readSettings,
  whole,
  wrong,
  type Completed,
  type Readers,
} from '@hongbao/core/internal'
import type { RedriveSelection } from './broker.ts'
import type { DeadLetter } from './dead-letters.ts'
import type { WarningOptions } from './errors.ts'

/** Seven days: the shortest time for which a queue remembers applied events. */
export const MIN_KEEP_APPLIED_SECONDS: number = 7 * 24 * 60 * 60

/** Options of every queue. Wrong ones are refused with an `OptionError`. */
export interface EventQueueOptions<Code extends string = string> extends WarningOptions<Code> {
  /**
   * How long the broker may take to confirm, in milliseconds; after that, the delivery is answered 500
   * and Ping++ sends it again. Default: 1,000.
   */
  readonly confirmTimeoutMs?: number | undefined
}

/** Options of a queue whose broker retries jobs by itself, as `bullmqQueue` and `pgBossQueue` do. */
export interface JobOptions<Code extends string = string> extends EventQueueOptions<Code> {
  /** How often workers try a job before it is a dead letter. Default: 15, over most of a day. */
  readonly attempts?: number | undefined
  /**
   * The pause before the first retry, in whole seconds; it doubles each time, less a random part of up to
   * half. Default: 5.
   */
  readonly backoffSeconds?: number | undefined
  /**
   * How long handlers may hold a job, in milliseconds, `handlerTimeoutMs` or not; then the job is retried,
   * and the inbox knows whether they still run. Default: 900,000 (15 min).
   */
  readonly jobTimeoutMs?: number | undefined
  /** How long the queue remembers applied events, in seconds: 7 d or more. Default: 604,800 (7 d). */
  readonly keepAppliedSeconds?: number | undefined
  /** How long the queue keeps waiting jobs and dead letters, in seconds. Default: 2,592,000 (30 d). */
  readonly keepDeadLettersSeconds?: number | undefined
}

interface WarningSettings {
  readonly onWarning: WarningOptions['onWarning']
  readonly logger: Logger
}

/** Options of every queue, checked and completed. */
export interface QueueSettings extends WarningSettings {
  readonly confirmTimeoutMs: number
}

/** Options of a queue whose broker retries jobs by itself, checked and completed. */
export type JobSettings = QueueSettings & Completed<Omit<JobOptions, keyof EventQueueOptions>>

/** Options of `queue.work`. Wrong ones are refused with an `OptionError`. */
export interface WorkOptions<Code extends string = string> extends WarningOptions<Code> {
  /** How many events this worker applies at a time. Default: 4. */
  readonly concurrency?: number | undefined
  /**
   * Whether to apply jobs without a signature of Ping++: polled events that your app has put into the
   * queue. Everyone with write access to the queue can then forge events. Default: `false`, such jobs
   * become dead letters.
   */
  readonly acceptUnsigned?: boolean | undefined
  /**
   * Called for every job that becomes a dead letter, by one of the workers and at least once. `cause`
   * is what its handler threw, or the error with which hongbao refused it; `undefined` if its workers
   * crashed. May be async, and should settle within five seconds; errors thrown by the hook are
   * ignored. Default: one line to `logger`, which is written in any case.
   */
  readonly onDeadLetter?: ((letter: DeadLetter, cause: unknown) => void | Promise<void>) | undefined
}

/** Options of `queue.deadLetters`. */
export interface DeadLettersOptions {
  /** Maximum number, the oldest first: 1 to 100,000. Default: 1,000. */
  readonly limit?: number | undefined
}

/** Options of `queue.redrive`. */
export interface RedriveOptions extends DeadLettersOptions {
  /** Which dead letters, by their `jobId`. Default: all of them. */
  readonly jobIds?: readonly string[] | undefined
}

const DAY_SECONDS = 24 * 60 * 60

// Of `never`, so that a hook for the codes of one broker is taken, too.
const QUEUE_READERS: Readers<EventQueueOptions<never>, QueueSettings> = {
  confirmTimeoutMs: optional(milliseconds, 1000),
  onWarning: optional(readHook),
  logger: readLogger,
}
// Postgres counts seconds in 32 bits.
const MAX_SECONDS = 2 ** 31 - 1
const JOB_READERS: Readers<JobOptions<never>, JobSettings> = {
  ...QUEUE_READERS,
  attempts: optional(whole(1, 30), 15),
  backoffSeconds: optional(whole(1, DAY_SECONDS), 5),
  // The limit of pg-boss is a day.
  jobTimeoutMs: optional(whole(1, 86_000_000), 900_000),
  // The inbox of the worker decides, but a queue that forgets first would accept replays of old deliveries.
  keepAppliedSeconds: optional(
    whole(MIN_KEEP_APPLIED_SECONDS, MAX_SECONDS),
    MIN_KEEP_APPLIED_SECONDS,
  ),
  keepDeadLettersSeconds: optional(whole(MIN_KEEP_APPLIED_SECONDS, MAX_SECONDS), 30 * DAY_SECONDS),
}
const limit = optional(whole(1, 100_000), 1000)

export function readQueueOptions(options: EventQueueOptions<never>): QueueSettings {
  return readSettings('`createEventQueue`', options, QUEUE_READERS)
}

/** A queue warns with its own codes only, so it may call a hook for those. */
function readHook(hook: OnWarning<never> | undefined, name: string): OnWarning {
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- see above
  return callback()(hook, name) as OnWarning
}

/** Reads the options of every queue, and those of `caller` by its table `readers`. */
export function readJobOptions<
  Options extends JobOptions<never>,
  Own extends Record<Exclude<keyof Options, keyof JobOptions>, unknown>,
>(caller: string, options: Options, readers: Readers<Options, Own>): Own & JobSettings {
  checkOptions(`\`${caller}\``, options, { ...readers, ...JOB_READERS })
  const settings = readEach<JobOptions<never>, JobSettings>(options, JOB_READERS)
  const { keepAppliedSeconds, keepDeadLettersSeconds } = settings
  whole(keepAppliedSeconds, MAX_SECONDS)(keepDeadLettersSeconds, 'keepDeadLettersSeconds')
  return { ...readEach(options, readers), ...settings }
}

/** Options of `queue.work`, checked and completed. */
export interface WorkSettings extends WarningSettings {
  readonly concurrency: number
  readonly acceptUnsigned: boolean
  readonly onDeadLetter: WorkOptions['onDeadLetter']
}

/** A worker without hooks uses those of its queue. */
export function readWorkOptions(options: WorkOptions<never>, queue: WarningSettings): WorkSettings {
  return readSettings('`work`', options, {
    concurrency: optional(whole(1, 1000), 4),
    acceptUnsigned: optional(flag, false),
    onDeadLetter: optional(callback()),
    onWarning: optional(readHook, queue.onWarning),
    logger: optional(readLogger, queue.logger),
  })
}

export function readDeadLettersOptions(options: DeadLettersOptions): { readonly limit: number } {
  return readSettings('`deadLetters`', options, { limit })
}

export function readRedriveOptions(options: RedriveOptions): RedriveSelection {
  const selection = readSettings('`redrive`', options, {
    jobIds: optional(must('a list of job ids', (ids) => Array.isArray(ids))),
    limit,
  })
  return { ...selection, jobIds: selection.jobIds?.slice(0, selection.limit) }
}

const NOT_OF_A_RECEIVER = ['on', 'inbox', 'unhandled', 'handlerTimeoutMs'] as const

/** Options of a receiver that applies events; the receiver of a queue does not have them. */
export type NotOfAReceiver = (typeof NOT_OF_A_RECEIVER)[number]

export function refuseHandlers(options: object): void {
  if (Object(options) !== options) throw wrong('options', 'an object')
  const misplaced = NOT_OF_A_RECEIVER.find((name) => Object.hasOwn(options, name))
  if (misplaced === undefined) return
  throw new OptionError(
    'option-invalid',
    `\`${misplaced}\` is not an option of the receiver of a queue, which stores every verified event in the queue. Give it to the createWebhooks() of the worker.`,
  )
}
