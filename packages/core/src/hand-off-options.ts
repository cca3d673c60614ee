import { OptionError } from './errors.ts'
import type { AlarmOptions } from './event-job.ts'
import { MIN_KEEP_APPLIED_SECONDS } from './hand-off.ts'
import { checkKind, readTimeout, refuseUnknown, wrong } from './option-checks.ts'

/** Options of `handOff`, whatever the queue. Wrong ones are refused with an `OptionError`. */
export interface HandOffOptions {
  /**
   * How long the queue may take to confirm before Ping++ is told to send again, in milliseconds.
   * Keep it below `handlerTimeoutMs`. Default: 1,000.
   */
  readonly confirmTimeoutMs?: number | undefined
  /** How often workers try an event before it fails for good. Default: 15, over most of a day. */
  readonly attempts?: number | undefined
  /**
   * The first pause after a try that failed, in whole seconds; it doubles each time, and chance takes
   * off up to half. Default: 5.
   */
  readonly backoffSeconds?: number | undefined
  /** How long the queue remembers what was applied, in seconds: 7 d or more. Default: 604,800 (7 d). */
  readonly keepAppliedSeconds?: number | undefined
  /** How long the queue keeps what waits or failed for good, in seconds. Default: 2,592,000 (30 d). */
  readonly keepFailedSeconds?: number | undefined
}

/** The options of a hand-off, checked and completed. */
export interface HandOffSettings {
  readonly confirmTimeoutMs: number
  readonly attempts: number
  readonly backoffSeconds: number
  readonly keepAppliedSeconds: number
  readonly keepFailedSeconds: number
}

/** Options of `createEventWorker`, whatever the queue. Wrong ones are refused with an `OptionError`. */
export interface EventWorkerOptions extends AlarmOptions {
  /** How many events this process applies at a time. Default: 4. */
  readonly concurrency?: number | undefined
  /**
   * What an event gets that no handler listens to: its job is complete, or it fails for good, where
   * people see it. Default: `'accept'`.
   */
  readonly unhandled?: 'accept' | 'fail' | undefined
}

/** The options of a worker, checked and completed. */
export interface EventWorkerSettings {
  readonly concurrency: number
  readonly unhandled: 'accept' | 'fail'
}

const DAY_SECONDS = 24 * 60 * 60
const HAND_OFF_NAMES: Readonly<Record<keyof HandOffOptions, true>> = {
  confirmTimeoutMs: true,
  attempts: true,
  backoffSeconds: true,
  keepAppliedSeconds: true,
  keepFailedSeconds: true,
}
const WORKER_NAMES: Readonly<Record<keyof EventWorkerOptions, true>> = {
  concurrency: true,
  unhandled: true,
  onFailed: true,
  logger: true,
}

/** Checks what every queue has in common; `names` are the options that a queue has besides. */
export function readHandOffOptions(
  options: HandOffOptions,
  names: Readonly<Record<string, true>> = {},
): HandOffSettings {
  refuseWrong('handOff', options, { ...HAND_OFF_NAMES, ...names })
  const { attempts = 15, backoffSeconds = 5 } = options
  const { keepAppliedSeconds = MIN_KEEP_APPLIED_SECONDS, keepFailedSeconds = 30 * DAY_SECONDS } =
    options
  return {
    confirmTimeoutMs: readTimeout('confirmTimeoutMs', options.confirmTimeoutMs ?? 1000),
    attempts: readWhole('attempts', attempts, 1, 30),
    backoffSeconds: readWhole('backoffSeconds', backoffSeconds, 1, DAY_SECONDS),
    // Workers' inboxes decide, but a queue that forgets first lets replays of old deliveries in.
    keepAppliedSeconds: readWhole('keepAppliedSeconds', keepAppliedSeconds, 7 * DAY_SECONDS),
    keepFailedSeconds: readWhole('keepFailedSeconds', keepFailedSeconds, keepAppliedSeconds),
  }
}

/** The same for workers. */
export function readEventWorkerOptions(
  options: EventWorkerOptions,
  names: Readonly<Record<string, true>>,
): EventWorkerSettings {
  refuseWrong('createEventWorker', options, { ...WORKER_NAMES, ...names })
  const { concurrency = 4, unhandled = 'accept' } = options
  if (unhandled !== 'accept' && unhandled !== 'fail') {
    throw wrong('unhandled', '"accept" or "fail"')
  }
  checkKind('onFailed', options.onFailed, ['undefined', 'function'], 'a function')
  return { concurrency: readWhole('concurrency', concurrency, 1, 1000), unhandled }
}

function refuseWrong(caller: string, options: object, names: Readonly<Record<string, true>>): void {
  if (typeof options !== 'object' || options === null) {
    throw new OptionError('option-invalid', `\`${caller}\` expects an object of options.`)
  }
  refuseUnknown(options, names)
}

// Postgres counts seconds in 32 bits.
const MAX_WHOLE = 2 ** 31 - 1

function readWhole(option: string, value: number, min: number, max: number = MAX_WHOLE): number {
  if (Number.isSafeInteger(value) && value >= min && value <= max) return value
  const figures = [min, max].map((figure) => figure.toLocaleString('en'))
  throw wrong(option, `a whole number from ${figures.join(' to ')}`)
}
