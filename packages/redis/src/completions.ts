import { MIN_RETENTION_SECONDS, type Warn } from '@hongbao/core/internal'
import type { Claim, Claims, Completion } from './claims.ts'
import { isRedisError, redisError, type RedisInboxWarningCode } from './errors.ts'

/** Records in Redis which events were applied, and retries until Redis confirms it. */
export interface Completions {
  /** Whether the key was applied here, and Redis has not confirmed the completion yet. */
  isPending(key: string): boolean
  /**
   * Records the completion of a key whose work is done. Resolves even if Redis fails: the work is
   * done, and a redelivery would do it twice. Rejects while another process holds the lease, because
   * the result of that process is unknown. Calls `onLost` after every takeover.
   */
  record(claim: Claim, onLost: () => void): Promise<'applied'>
  /**
   * Resolves when no key is pending. Retries pending keys at once and often from then on, because the
   * process may end soon.
   */
  flush(): Promise<void>
}

const FIRST_RETRY_MS = 50
const IMPATIENT_RETRY_MS = 250
const IMPATIENT_FOR_MS = 60_000
// Longer than Ping++ retries.
const KEEP_TRYING_MS = MIN_RETENTION_SECONDS * 1000

export function createCompletions(
  claims: Pick<Claims, 'complete'>,
  maxRetryMs: number,
  warn: Warn<RedisInboxWarningCode>,
): Completions {
  const pending = new Map<string, Promise<void>>()
  const pauses = new Set<() => void>()
  let longestMs = maxRetryMs

  async function record(claim: Claim, onLost: () => void): Promise<'applied'> {
    try {
      checkCompletion(await claims.complete(claim), onLost)
    } catch (error) {
      if (isLost(error)) throw error
      const retried = retry(claim, onLost).then(() => void pending.delete(claim.key))
      pending.set(claim.key, retried)
      warn(redisError('redis-mark-delayed', { cause: error }), claim.key)
    }
    return 'applied'
  }

  async function retry(claim: Claim, onLost: () => void): Promise<void> {
    const end = performance.now() + KEEP_TRYING_MS
    for (let delayMs = FIRST_RETRY_MS; performance.now() < end; delayMs *= 2) {
      // oxlint-disable-next-line no-await-in-loop -- one try after the other
      await pause(Math.min(delayMs, longestMs))
      try {
        // oxlint-disable-next-line no-await-in-loop -- one try after the other
        return checkCompletion(await claims.complete(claim), onLost)
      } catch (error) {
        if (isLost(error)) return
      }
    }
  }

  async function pause(ms: number): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>()
    const timer = setTimeout(resolve, ms).unref()
    pauses.add(resolve)
    await promise
    pauses.delete(resolve)
    clearTimeout(timer)
  }

  async function flush(): Promise<void> {
    if (pending.size === 0) return
    longestMs = IMPATIENT_RETRY_MS
    // A process that has not ended by then is not shutting down: it retries at the usual pace again.
    const timer = setTimeout(() => (longestMs = maxRetryMs), IMPATIENT_FOR_MS).unref()
    for (const end of pauses) end()
    while (pending.size > 0) {
      // oxlint-disable-next-line no-await-in-loop -- others may have come meanwhile
      await Promise.all(pending.values())
    }
    clearTimeout(timer)
    longestMs = maxRetryMs
  }

  return { isPending: (key) => pending.has(key), record, flush }
}

function checkCompletion(completion: Completion, onLost: () => void): void {
  if (completion === 'completed') return
  onLost()
  if (completion === 'taken-over') throw redisError('redis-lease-lost')
}

function isLost(error: unknown): boolean {
  return isRedisError(error) && error.code === 'redis-lease-lost'
}
