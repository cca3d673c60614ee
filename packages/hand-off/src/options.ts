import { OptionError, type Logger } from '@hongbao/core'
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
import type { DeadLetterOptions } from './dead-letters.ts'
import type { WarningOptions } from './warnings.ts'

/** Seven days: for how long every queue remembers what was applied, at the least. */
export const MIN_KEEP_APPLIED_SECONDS: number = 7 * 24 * 60 * 60

/** Options of every queue. Wrong ones are refused with an `OptionError`. */
export interface EventQueueOptions extends WarningOptions {
  /**
   * How long the broker may take to confirm before Ping++ is told to send again, in milliseconds.
   * Default: 1,000.
   */
  readonly confirmTimeoutMs?: number | undefined
}

/** Options of a queue whose broker tries again by itself, as `bullmqQueue` and `pgBossQueue` do. */
export interface JobOptions extends EventQueueOptions {
  /** How often workers try a job before it is a dead letter. Default: 15, over most of a day. */
  readonly attempts?: number | undefined
  /**
   * The first pause after a try that failed, in whole seconds; it doubles each time, and chance takes
   * off up to half. Default: 5.
   */
  readonly backoffSeconds?: number | undefined
  /**
   * How long a job is held while its handlers run, past `handlerTimeoutMs` or not, in milliseconds;
   * then it is tried again, and the inbox knows whether they still run. Default: 900,000 (15 min).
   */
  readonly jobTimeoutMs?: number | undefined
  /** How long the queue remembers what was applied, in seconds: 7 d or more. Default: 604,800 (7 d). */
  readonly keepAppliedSeconds?: number | undefined
  /** How long the queue keeps waiting jobs and dead letters, in seconds. Default: 2,592,000 (30 d). */
  readonly keepDeadLettersSeconds?: number | undefined
}

interface WarningSettings {
  readonly onWarning: WarningOptions['onWarning']
  readonly logger: Logger
}

type QueueSettings = Completed<Pick<EventQueueOptions, 'confirmTimeoutMs'>> & WarningSettings

/** Options of a queue, checked and completed. */
export type JobSettings = Completed<Omit<JobOptions, keyof WarningOptions>> & WarningSettings

/** Options of `queue.work`. Wrong ones are refused with an `OptionError`. */
export interface WorkOptions extends DeadLetterOptions, WarningOptions {
  /** How many events this worker applies at a time. Default: 4. */
  readonly concurrency?: number | undefined
  /**
   * Whether to apply jobs without a signature of Ping++: polled events that your app has put into the
   * queue. Whoever may write to the queue can then make events. Default: `false`, they are dead letters.
   */
  readonly acceptUnsigned?: boolean | undefined
}

/** Options of `queue.deadLetters`. */
export interface DeadLettersOptions {
  /** How many at the most, the oldest first: 1 to 100,000. Default: 1,000. */
  readonly limit?: number | undefined
}

/** Options of `queue.redrive`. */
export interface RedriveOptions extends DeadLettersOptions {
  /** Which dead letters, by their `jobId`. Default: all of them. */
  readonly jobIds?: readonly string[] | undefined
}

const DAY_SECONDS = 24 * 60 * 60

const WARNING_READERS: Readers<WarningOptions, WarningSettings> = {
  onWarning: optional(callback()),
  logger: readLogger,
}
const QUEUE_READERS: Readers<EventQueueOptions, QueueSettings> = {
  confirmTimeoutMs: optional(milliseconds, 1000),
  ...WARNING_READERS,
}
// Postgres counts seconds in 32 bits.
const MAX_SECONDS = 2 ** 31 - 1
const JOB_READERS: Readers<JobOptions, JobSettings> = {
  ...QUEUE_READERS,
  attempts: optional(whole(1, 30), 15),
  backoffSeconds: optional(whole(1, DAY_SECONDS), 5),
  // pg-boss has a limit of a day.
  jobTimeoutMs: optional(whole(1, 86_000_000), 900_000),
  // Workers' inboxes decide, but a queue that forgets first lets replays of old deliveries in.
  keepAppliedSeconds: optional(
    whole(MIN_KEEP_APPLIED_SECONDS, MAX_SECONDS),
    MIN_KEEP_APPLIED_SECONDS,
  ),
  keepDeadLettersSeconds: optional(whole(MIN_KEEP_APPLIED_SECONDS, MAX_SECONDS), 30 * DAY_SECONDS),
}
const limit = optional(whole(1, 100_000), 1000)

/** Returns `confirmTimeoutMs`. */
export function readQueueOptions(options: EventQueueOptions): number {
  return readSettings('`createEventQueue`', options, QUEUE_READERS).confirmTimeoutMs
}

/** Reads what `caller` takes: the options of every queue, and its own by the table `readers`. */
export function readJobOptions<
  Options extends JobOptions,
  Own extends Record<Exclude<keyof Options, keyof JobOptions>, unknown>,
>(caller: string, options: Options, readers: Readers<Options, Own>): Own & JobSettings {
  checkOptions(`\`${caller}\``, options, { ...readers, ...JOB_READERS })
  const settings = readEach<JobOptions, JobSettings>(options, JOB_READERS)
  const { keepAppliedSeconds, keepDeadLettersSeconds } = settings
  whole(keepAppliedSeconds, MAX_SECONDS)(keepDeadLettersSeconds, 'keepDeadLettersSeconds')
  return { ...readEach(options, readers), ...settings }
}

/** The options that a queue passes on to `createEventQueue`. */
export function queueOptionsOf(options: EventQueueOptions): EventQueueOptions {
  const { confirmTimeoutMs, onWarning, logger } = options
  return { confirmTimeoutMs, onWarning, logger }
}

export function readWorkOptions(options: WorkOptions): {
  readonly concurrency: number
  readonly acceptUnsigned: boolean
} {
  return readSettings('`work`', options, {
    concurrency: optional(whole(1, 1000), 4),
    acceptUnsigned: optional(flag, false),
    onDeadLetter: optional(callback()),
    ...WARNING_READERS,
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

/** What a receiver has that applies events, and the receiver of a queue has not. */
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
