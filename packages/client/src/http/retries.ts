import { PASSING_STATUSES } from './answer.ts'
import { ERRORS } from '../errors.ts'
import { Failure } from './failure.ts'
import type { CallLimits } from '../options.ts'
import { untilAborted } from './until-aborted.ts'

/** What retries need of the world. */
export interface RetrySeams {
  /** Resolves after a time, or at once when the signal says so; never rejects. */
  readonly wait: (ms: number, signal: AbortSignal | undefined) => Promise<void>
  /** From 0 up to, but not including, 1. */
  readonly random: () => number
  /** Milliseconds since 1970. */
  readonly now: () => number
}

/** How a call ended. */
export interface Ending<Result> {
  readonly result: Result | Failure
  /** How often it was sent. */
  readonly attempts: number
  /** Whether every attempt that was sent has certainly created no envelope. */
  readonly notCreated: boolean
}

const FIRST_DELAY_MS = 500
const MAX_DELAY_MS = 8000
/** Whoever is told to wait for longer decides on it: a call that takes ten minutes is none. */
export const MAX_RETRY_AFTER_MS = 60_000

/**
 * Sends until an attempt succeeds, fails for good, or was the last one. Between attempts it waits
 * as long as Ping++ asked for, if that is a minute at the most, or a random part of a time that
 * doubles: clients that failed together should not come back together.
 */
export async function sendWithRetries<Result>(
  attempt: () => Promise<Result | Failure>,
  { retries, signal, beforeAttempt }: CallLimits,
  seams: RetrySeams,
): Promise<Ending<Result>> {
  let notCreated = true
  for (let attempts = 0; ;) {
    try {
      // oxlint-disable-next-line no-await-in-loop -- one after another is the point
      await mayGo(beforeAttempt, signal)
    } catch (cause) {
      return { result: new Failure('request-aborted', { cause }), attempts, notCreated }
    }
    attempts += 1
    // oxlint-disable-next-line no-await-in-loop -- as above
    const result = await attempt()
    if (!(result instanceof Failure)) return { result, attempts, notCreated: false }
    // An attempt that may have worked stays so, whatever the next one is told.
    notCreated &&= result.facts.notCreated ?? ERRORS[result.code].notCreated
    if (attempts > retries || !isPassing(result)) return { result, attempts, notCreated }
    const delayMs = delayOf(result, attempts, seams)
    if (delayMs > MAX_RETRY_AFTER_MS) return { result, attempts, notCreated }
    // oxlint-disable-next-line no-await-in-loop -- as above
    await seams.wait(delayMs, signal)
  }
}

/** Rejects where the signal has fired, or fires while a limit is waited for: nothing is sent then. */
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

function isPassing({ code, facts }: Failure): boolean {
  return ERRORS[code].isPassing || PASSING_STATUSES.has(facts.status)
}

function delayOf({ facts }: Failure, attempts: number, { random, now }: RetrySeams): number {
  const ownMs = random() * Math.min(FIRST_DELAY_MS * 2 ** (attempts - 1), MAX_DELAY_MS)
  return readRetryAfter(facts.retryAfter, now()) ?? ownMs
}

/**
 * How long a `Retry-After` asks to wait, in milliseconds: seconds or a date (RFC 9110, section
 * 10.2.3); of the three date formats the one that is sent today.
 */
export function readRetryAfter(header: string | undefined, nowMs: number): number | undefined {
  if (header === undefined) return undefined
  if (/^\d+$/.test(header)) return Number(header) * 1000
  if (!/^\w{3}, \d{2} \w{3} \d{4} \d{2}:\d{2}:\d{2} GMT$/.test(header)) return undefined
  const atMs = Date.parse(header)
  return Number.isNaN(atMs) ? undefined : Math.max(atMs - nowMs, 0)
}
