import { ERRORS, PingppError, requestFailed } from '../errors.ts'
import type { CallLimits } from '../options.ts'
import { PASSING_STATUSES } from './answer.ts'

export interface Seams {
  /** Resolves after a time, or when the signal fires; never rejects. */
  readonly wait: (ms: number, signal: AbortSignal | undefined) => Promise<void>
  /** From 0 up to, but not including, 1. */
  readonly random: () => number
}

export interface FailedCall {
  readonly error: PingppError
  readonly attempts: number
  /** Whether each of them has certainly created no envelope. */
  readonly notCreated: boolean
}

const FIRST_DELAY_MS = 500
const MAX_DELAY_MS = 8000
/** If Ping++ asks to wait for longer, the call ends, and the caller decides when to go on. */
export const MAX_RETRY_AFTER_MS = 60_000

/**
 * Sends requests until one succeeds, fails for good, or was the last one. Between them it waits
 * as long as Ping++ asked for, if that is a minute at most, or a random part of a time that
 * doubles: clients that failed together should not come back together.
 */
export async function sendWithRetries<Result>(
  request: () => Promise<Result>,
  { retries, signal, beforeAttempt }: CallLimits,
  { wait, random }: Seams,
): Promise<{ readonly result: Result } | FailedCall> {
  let notCreated = true
  for (let attempts = 0; ; attempts += 1) {
    try {
      // oxlint-disable-next-line no-await-in-loop -- retries come one after another
      await untilAllowed(beforeAttempt, signal)
    } catch (cause) {
      return { error: requestFailed('request-aborted', {}, { cause }), attempts, notCreated }
    }
    try {
      // oxlint-disable-next-line no-await-in-loop -- as above
      return { result: await request() }
    } catch (error) {
      if (!(error instanceof PingppError)) throw error
      // A request that may have created the envelope stays so, whatever a later one is answered.
      notCreated &&= error.notCreated
      const ownMs = random() * Math.min(FIRST_DELAY_MS * 2 ** attempts, MAX_DELAY_MS)
      const delayMs = error.retryAfterMs ?? ownMs
      const isLast = attempts === retries || !isPassing(error) || delayMs > MAX_RETRY_AFTER_MS
      if (isLast) return { error, attempts: attempts + 1, notCreated }
      // oxlint-disable-next-line no-await-in-loop -- as above
      await wait(delayMs, signal)
    }
  }
}

/** Rejects if the signal has fired, or fires during `beforeAttempt`: then nothing is sent. */
async function untilAllowed(
  beforeAttempt: CallLimits['beforeAttempt'],
  signal: AbortSignal | undefined,
): Promise<void> {
  signal?.throwIfAborted()
  if (beforeAttempt === undefined) return
  await untilAborted(Promise.resolve(beforeAttempt()), signal)
  signal?.throwIfAborted()
}

function isPassing({ code, status }: PingppError): boolean {
  return ERRORS[code].isPassing || PASSING_STATUSES.has(status)
}

export async function waitByTimer(ms: number, signal: AbortSignal | undefined): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>()
  const timer = setTimeout(resolve, ms)
  await untilAborted(promise, signal)
  clearTimeout(timer)
}

/**
 * Waits for foreign work until the signal fires, even if the work ignores the signal; returns
 * undefined then, and the later result of the work is ignored.
 */
export async function untilAborted<Result>(
  work: Promise<Result>,
  signal: AbortSignal | undefined,
): Promise<Result | undefined> {
  const { promise: aborted, resolve } = Promise.withResolvers<undefined>()
  const end = (): void => resolve(undefined)
  signal?.addEventListener('abort', end)
  if (signal?.aborted === true) end()
  try {
    return await Promise.race([work, aborted])
  } finally {
    signal?.removeEventListener('abort', end)
  }
}
