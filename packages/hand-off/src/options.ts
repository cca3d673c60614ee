import { OptionError } from '@hongbao/core'
import { checkKind, checkOptions, readTimeout, wrong } from '@hongbao/core/internal'
import type { RedriveSelection } from './broker.ts'
import type { DeadLetterOptions } from './dead-letters.ts'
import type { WarningOptions } from './errors.ts'

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

/** Options of a queue, checked and completed. */
export interface JobSettings {
  readonly attempts: number
  readonly backoffSeconds: number
  readonly jobTimeoutMs: number
  readonly keepAppliedSeconds: number
  readonly keepDeadLettersSeconds: number
}

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

const QUEUE_NAMES: Readonly<Record<keyof EventQueueOptions, true>> = {
  confirmTimeoutMs: true,
  onWarning: true,
  logger: true,
}
const JOB_NAMES: Readonly<Record<keyof JobOptions, true>> = {
  ...QUEUE_NAMES,
  attempts: true,
  backoffSeconds: true,
  jobTimeoutMs: true,
  keepAppliedSeconds: true,
  keepDeadLettersSeconds: true,
}
const WORK_NAMES: Readonly<Record<keyof WorkOptions, true>> = {
  concurrency: true,
  acceptUnsigned: true,
  onDeadLetter: true,
  onWarning: true,
  logger: true,
}
const DEAD_LETTERS_NAMES: Readonly<Record<keyof DeadLettersOptions, true>> = { limit: true }
const REDRIVE_NAMES: Readonly<Record<keyof RedriveOptions, true>> = { jobIds: true, limit: true }

/** Returns `confirmTimeoutMs`. */
export function readQueueOptions(options: EventQueueOptions): number {
  checkOptions('`createEventQueue`', options, QUEUE_NAMES)
  return readTimeout('confirmTimeoutMs', options.confirmTimeoutMs ?? 1000)
}

/** Checks what `caller` takes: the options of every queue, and `names`. */
export function readJobOptions(
  caller: string,
  options: JobOptions,
  names: Readonly<Record<string, true>>,
): JobSettings {
  checkOptions(`\`${caller}\``, options, { ...names, ...JOB_NAMES })
  const { attempts = 15, backoffSeconds = 5, jobTimeoutMs = 900_000 } = options
  const { keepAppliedSeconds = MIN_KEEP_APPLIED_SECONDS } = options
  const { keepDeadLettersSeconds = 30 * DAY_SECONDS } = options
  return {
    attempts: readWhole('attempts', attempts, 1, 30),
    backoffSeconds: readWhole('backoffSeconds', backoffSeconds, 1, DAY_SECONDS),
    // pg-boss has a limit of a day.
    jobTimeoutMs: readWhole('jobTimeoutMs', jobTimeoutMs, 1, 86_000_000),
    // Workers' inboxes decide, but a queue that forgets first lets replays of old deliveries in.
    keepAppliedSeconds: readWhole('keepAppliedSeconds', keepAppliedSeconds, 7 * DAY_SECONDS),
    keepDeadLettersSeconds: readWhole(
      'keepDeadLettersSeconds',
      keepDeadLettersSeconds,
      keepAppliedSeconds,
    ),
  }
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
  checkOptions('`work`', options, WORK_NAMES)
  const { concurrency = 4, acceptUnsigned = false } = options
  checkKind('acceptUnsigned', acceptUnsigned, ['boolean'], 'true or false')
  return { concurrency: readWhole('concurrency', concurrency, 1, 1000), acceptUnsigned }
}

export function readDeadLettersOptions(options: DeadLettersOptions): { readonly limit: number } {
  checkOptions('`deadLetters`', options, DEAD_LETTERS_NAMES)
  return { limit: readLimit(options.limit) }
}

export function readRedriveOptions(options: RedriveOptions): RedriveSelection {
  checkOptions('`redrive`', options, REDRIVE_NAMES)
  const limit = readLimit(options.limit)
  const { jobIds } = options
  if (jobIds === undefined) return { jobIds, limit }
  if (!Array.isArray(jobIds)) throw wrong('jobIds', 'a list of job ids')
  return { jobIds: jobIds.slice(0, limit), limit }
}

function readLimit(limit = 1000): number {
  return readWhole('limit', limit, 1, 100_000)
}

const NOT_OF_A_RECEIVER = ['on', 'inbox', 'unhandled', 'handlerTimeoutMs'] as const

/** What a receiver has that applies events, and the receiver of a queue has not. */
export type NotOfAReceiver = (typeof NOT_OF_A_RECEIVER)[number]

export function refuseHandlers(options: object): void {
  checkKind('options', options, ['object'], 'an object')
  const misplaced = NOT_OF_A_RECEIVER.find((name) => Object.hasOwn(options, name))
  if (misplaced === undefined) return
  throw new OptionError(
    'option-invalid',
    `\`${misplaced}\` is not an option of the receiver of a queue, which stores every verified event in the queue. Give it to the createWebhooks() of the worker.`,
  )
}

// Postgres counts seconds in 32 bits.
const MAX_WHOLE = 2 ** 31 - 1

function readWhole(option: string, value: number, min: number, max: number = MAX_WHOLE): number {
  if (Number.isSafeInteger(value) && value >= min && value <= max) return value
  const figures = [min, max].map((figure) => figure.toLocaleString('en'))
  throw wrong(option, `a whole number from ${figures.join(' to ')}`)
}
