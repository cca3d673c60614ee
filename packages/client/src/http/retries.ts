import { ERRORS, PingppError, requestFailed } from '../errors.ts'
import type { CallLimits } from '../options.ts'
import { PASSING_STATUSES } from './answer.ts'

/** What retries need of the world. */
export interface RetrySeams {
  /** Resolves after a time, or when the signal fires; never rejects. */
  readonly wait: (ms: number, signal: AbortSignal | undefined) => Promise<void>
  /** From 0 up to, but not including, 1. */
  readonly random: () => number
}

/** A call whose last request failed. */
export interface FailedCall {
  readonly error: PingppError
  /** How many requests were sent. */
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
  { wait, random }: RetrySeams,
): Promise<{ readonly result: Result } | FailedCall> {
  let notCreated = true
  for (let attempts = 0; ;) {
    try {
      // oxlint-disable-next-line no-await-in-loop -- one after another is the point
      await mayGo(beforeAttempt, signal)
    } catch (cause) {
      return { error: requestFailed('request-aborted', {}, { cause }), attempts, notCreated }
    }
    attempts += 1
    // oxlint-disable-next-line no-await-in-loop -- as above
    const result = await outcomeOf(request)
    if (!('error' in result)) return result
    const { error } = result
    // A request that may have created the envelope stays so, whatever a later one is answered.
    notCreated &&= error.notCreated
    const ownMs = random() * Math.min(FIRST_DELAY_MS * 2 ** (attempts - 1), MAX_DELAY_MS)
    const delayMs = error.retryAfterMs ?? ownMs
    const isLast = attempts > retries || !isPassing(error) || delayMs > MAX_RETRY_AFTER_MS
    if (isLast) return { error, attempts, notCreated }
    // oxlint-disable-next-line no-await-in-loop -- as above
    await wait(delayMs, signal)
  }
}

async function outcomeOf<Result>(
  request: () => Promise<Result>,
): Promise<{ readonly result: Result } | { readonly error: PingppError }> {
  try {
    return { result: await request() }
  } catch (error) {
    if (error instanceof PingppError) return { error }
    throw error
  }
}

/** Rejects if the signal has fired, or fires during `beforeAttempt`: then nothing is sent. */
async function mayGo(
  beforeAttempt: CallLimits['beforeAttempt'],
  signal: AbortSignal | undefined,
): Promise<void> {
  signal?.throwIfAborted()
  if (beforeAttempt === undefined) return
  const limit = Promise.resolve(beforeAttempt())
  await (signal === undefined ? limit : untilAborted(limit, signal))
  signal?.throwIfAborted()
}

function isPassing({ code, status }: PingppError): boolean {
  return ERRORS[code].isPassing || PASSING_STATUSES.has(status)
}

/** Waits by a timer of the runtime. */
export function waitByTimer(ms: number, signal: AbortSignal | undefined): Promise<void> {
  return new Promise((resolve) => {
    function end(): void {
      clearTimeout(timer)
      signal?.removeEventListener('abort', end)
      resolve()
    }
    const timer = setTimeout(end, ms)
    signal?.addEventListener('abort', end)
    if (signal?.aborted === true) end()
  })
}

/**
 * Waits for foreign work until the signal fires, even if the work ignores the signal; returns
 * undefined then, and the later result of the work is ignored.
 */
export async function untilAborted<Result>(
  work: Promise<Result>,
  signal: AbortSignal,
): Promise<Result | undefined> {
  const { promise: aborted, resolve } = Promise.withResolvers<undefined>()
  const end = (): void => resolve(undefined)
  signal.addEventListener('abort', end)
  if (signal.aborted) end()
  try {
    return await Promise.race([work, aborted])
  } finally {
    signal.removeEventListener('abort', end)
  }
}
