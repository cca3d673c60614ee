import type { Warn } from '@hongbao/core/internal'
import type { Claim, Claims } from './claims.ts'
import { redisError, type RedisInboxWarningCode } from './errors.ts'

/** What handlers learn of the lease under which they run. */
export interface Lease {
  /**
   * Rises with every claim of the event: a fencing token. A store that refuses a token lower than
   * the last one refuses the writes of a run that was taken over.
   */
  readonly token: number
  /**
   * An earlier run of this event neither succeeded nor failed: its process died or stalled. It may
   * have done its work, so look before you do it again. Every later run learns this, until one succeeds.
   */
  readonly isTakeover: boolean
  /**
   * Fires when the lease is lost, or cannot be known to hold: another process may run now. Its reason
   * is an `InboxError` with the code `redis-lease-lost`, or `redis-lease-ended` after `maxWorkMs`.
   */
  readonly signal: AbortSignal
}

/** Renews a lease while work runs under it. */
export interface Keeper {
  readonly lease: Lease
  stop(): void
  /** Reports that the lease is lost, at most once. */
  lose(): void
}

/** What keeping a lease needs of the options. */
export interface LeaseSettings {
  readonly leaseMs: number
  readonly maxWorkMs: number
  readonly commandTimeoutMs: number
}

export function keepLease(
  claim: Claim,
  claims: Pick<Claims, 'renew'>,
  { leaseMs, maxWorkMs, commandTimeoutMs }: LeaseSettings,
  warn: Warn<RedisInboxWarningCode>,
): Keeper {
  const renewMs = leaseMs / 3
  const controller = new AbortController()
  let isStopped = false
  let heldSince = claim.askedAt
  let timer = schedule(renewMs)

  function schedule(delayMs: number): NodeJS.Timeout {
    return setTimeout(() => void renew(), delayMs).unref()
  }

  async function renew(): Promise<void> {
    const askedAt = performance.now()
    if (askedAt - claim.askedAt >= maxWorkMs) return lose('redis-lease-ended')
    let nextMs = renewMs
    try {
      const renewal = await claims.renew(claim)
      if (isStopped) return
      if (renewal !== 'renewed') lose('redis-lease-lost')
      if (renewal === 'taken-over') return
      heldSince = askedAt
    } catch (error) {
      if (isStopped) return
      nextMs = Math.min(renewMs, commandTimeoutMs)
      // Keep renewing: until another process takes over, a late renewal counts.
      if (performance.now() - heldSince >= leaseMs) lose('redis-lease-lost', error)
    }
    timer = schedule(nextMs)
  }

  function lose(code: 'redis-lease-lost' | 'redis-lease-ended', cause?: unknown): void {
    if (controller.signal.aborted) return
    const error = redisError(code, cause === undefined ? undefined : { cause })
    warn(error, claim.key)
    controller.abort(error)
  }

  function stop(): void {
    isStopped = true
    clearTimeout(timer)
  }

  const { token, isTakeover } = claim
  const lease: Lease = { token, isTakeover, signal: controller.signal }
  return { lease, stop, lose: () => lose('redis-lease-lost') }
}
