import { MIN_RETENTION_SECONDS, type Warn } from '@hongbao/core/internal'
import type { Claim, Claims, Completion } from './claims.ts'
import { isRedisError, redisError, type RedisInboxWarningCode } from './errors.ts'

/** Tells Redis which events were applied, and does not let go where Redis cannot be told. */
export interface Marks {
  /** Whether the key was applied here and Redis does not know yet. */
  isPending(key: string): boolean
  /**
   * Marks a key whose work is done. Resolves where Redis fails, too: the work is done, and to ask
   * for the event again would be to ask for it to be done twice. Rejects while another process holds
   * the lease: what it makes of the event nobody knows. `onLost` is told of every
   * takeover.
   */
  mark(claim: Claim, onLost: () => void): Promise<'applied'>
  /**
   * Resolves when no key is pending. What is, is tried at once and often from then on: a process that
   * ends has no later.
   */
  flush(): Promise<void>
}

const FIRST_RETRY_MS = 50
const IMPATIENT_RETRY_MS = 250
const IMPATIENT_FOR_MS = 60_000
// Longer than Ping++ sends again.
const KEEP_TRYING_MS = MIN_RETENTION_SECONDS * 1000

export function createMarks(
  claims: Pick<Claims, 'complete'>,
  maxRetryMs: number,
  warn: Warn<RedisInboxWarningCode>,
): Marks {
  const pending = new Map<string, Promise<void>>()
  const pauses = new Set<() => void>()
  let longestMs = maxRetryMs

  async function mark(claim: Claim, onLost: () => void): Promise<'applied'> {
    try {
      settle(await claims.complete(claim), onLost)
    } catch (error) {
      if (isLost(error)) throw error
      const over = keepTrying(claim, onLost).then(() => void pending.delete(claim.key))
      pending.set(claim.key, over)
      warn(redisError('redis-mark-delayed', { cause: error }), claim.key)
    }
    return 'applied'
  }

  async function keepTrying(claim: Claim, onLost: () => void): Promise<void> {
    const end = performance.now() + KEEP_TRYING_MS
    for (let delayMs = FIRST_RETRY_MS; performance.now() < end; delayMs *= 2) {
      // oxlint-disable-next-line no-await-in-loop -- one try after the other
      await pause(Math.min(delayMs, longestMs))
      try {
        // oxlint-disable-next-line no-await-in-loop -- one try after the other
        return settle(await claims.complete(claim), onLost)
      } catch (error) {
        if (isLost(error)) return
      }
    }
  }

  function pause(ms: number): Promise<void> {
    return new Promise((resolve) => {
      function end(): void {
        clearTimeout(timer)
        pauses.delete(end)
        resolve()
      }
      const timer = setTimeout(end, ms).unref()
      pauses.add(end)
    })
  }

  async function flush(): Promise<void> {
    if (pending.size === 0) return
    longestMs = IMPATIENT_RETRY_MS
    // Whoever still has not ended then is another receiver, and has time.
    const timer = setTimeout(() => (longestMs = maxRetryMs), IMPATIENT_FOR_MS).unref()
    for (const end of pauses) end()
    while (pending.size > 0) {
      // oxlint-disable-next-line no-await-in-loop -- others may have come meanwhile
      await Promise.all(pending.values())
    }
    clearTimeout(timer)
    longestMs = maxRetryMs
  }

  return { isPending: (key) => pending.has(key), mark, flush }
}

function settle(completion: Completion, onLost: () => void): void {
  if (completion === 'completed') return
  onLost()
  if (completion === 'taken-over') throw redisError('redis-lease-lost')
}

function isLost(error: unknown): boolean {
  return isRedisError(error) && error.code === 'redis-lease-lost'
}
