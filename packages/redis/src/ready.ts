import type { InboxError } from '@hongbao/core'
import { withTimeout } from '@hongbao/core/internal'
import { setTimeout as wait } from 'node:timers/promises'
import { redisError, toInboxError, type RedisInboxErrorCode } from './errors.ts'

const RETRY_MS = 50

/** What passes by itself while a client connects or a server starts. */
const PASSING: ReadonlySet<RedisInboxErrorCode> = new Set(['redis-unreachable', 'redis-not-ready'])

/**
 * Probes until it succeeds or the time is up. Once is not enough: a client without an offline queue
 * refuses every command until it has connected. Rejects with the last error.
 */
export function waitUntilReady(probe: () => Promise<void>, timeoutMs: number): Promise<void> {
  const endMs = performance.now() + timeoutMs
  let failure: InboxError<RedisInboxErrorCode> = redisError('redis-timed-out')

  async function probeAgain(): Promise<void> {
    try {
      return await probe()
    } catch (error) {
      failure = toInboxError(error)
      if (!PASSING.has(failure.code) || performance.now() > endMs) throw failure
    }
    await wait(RETRY_MS)
    return probeAgain()
  }

  return withTimeout(timeoutMs, probeAgain(), () => {
    throw failure
  })
}
