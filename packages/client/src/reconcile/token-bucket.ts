/** A rate limit. */
export interface TokenBucket {
  /** Resolves when the next request may be sent. @throws the reason of the signal */
  take(signal: AbortSignal): Promise<void>
}

export interface TokenBucketOptions {
  /** Requests per second; as many may follow at once after a pause, and always one. */
  readonly perSecond: number
  /** Milliseconds since 1970. */
  readonly now: () => number
  readonly wait: Wait
}

/** Resolves after a time, or as soon as the signal fires. */
export type Wait = (ms: number, signal: AbortSignal) => Promise<void>

export function createTokenBucket({ perSecond, now, wait }: TokenBucketOptions): TokenBucket {
  const capacity = Math.max(1, perSecond)
  let tokens = capacity
  let countedMs = now()

  async function take(signal: AbortSignal): Promise<void> {
    signal.throwIfAborted()
    // A wait counts even if the clock stands still, and a clock that is set back adds no tokens: an
    // endless wait is worse than a request too early.
    const nowMs = Math.max(now(), countedMs)
    tokens = Math.min(capacity, tokens + ((nowMs - countedMs) / 1000) * perSecond)
    countedMs = nowMs
    if (tokens < 1) {
      const ms = ((1 - tokens) / perSecond) * 1000
      await wait(ms, signal)
      signal.throwIfAborted()
      countedMs += ms
      tokens = 1
    }
    tokens -= 1
  }

  return { take }
}
