import type { Seams } from '../http/retries.ts'

/** A rate limit, as many requests at once after a pause as in a second, and always one. */
export interface TokenBucketOptions extends Pick<Seams, 'wait'> {
  readonly requestsPerSecond: number
  readonly now: () => number
}

/** Resolves when the next request may be sent. @throws the reason of the signal */
export type TakeToken = (signal: AbortSignal) => Promise<void>

export function createTokenBucket({ requestsPerSecond, now, wait }: TokenBucketOptions): TakeToken {
  const capacity = Math.max(1, requestsPerSecond)
  let tokens = capacity
  let countedMs = now()

  return async function takeToken(signal) {
    signal.throwIfAborted()
    // A wait counts even if the clock stands still, and a clock that is set back adds no tokens: an
    // endless wait is worse than a request too early.
    const nowMs = Math.max(now(), countedMs)
    tokens = Math.min(capacity, tokens + ((nowMs - countedMs) / 1000) * requestsPerSecond)
    countedMs = nowMs
    if (tokens < 1) {
      const ms = ((1 - tokens) / requestsPerSecond) * 1000
      await wait(ms, signal)
      signal.throwIfAborted()
      countedMs += ms
      tokens = 1
    }
    tokens -= 1
  }
}
