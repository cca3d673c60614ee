import type { Admission, Inbox, InboxWorkOptions } from '@hongbao/core'
import { createClaims } from './claims.ts'
import { missesFailovers } from './client.ts'
import { createCompletions } from './completions.ts'
import { redisError } from './errors.ts'
import { keepLease, type Lease } from './lease.ts'
import { readOptions, type RedisInboxOptions } from './options.ts'
import { waitUntilReady } from './ready.ts'
import { inspectServer } from './server.ts'

/** What a Redis inbox adds to the context of handlers. */
export interface RedisContext {
  readonly lease: Lease
}

/**
 * Remembers applied events in Redis, for any number of processes.
 *
 * Promise: nothing that was answered 200 was not applied, and while a lease holds no other process
 * runs the handlers of its event. After a crash between the handlers' effect and its record, a stall
 * longer than the lease, or a failover of Redis, handlers may run again: give what they write a
 * unique key, and the event is effectively applied once.
 *
 * If Redis is down, slow, read-only or out of memory, `admit` rejects within `commandTimeoutMs`
 * with an `InboxError`, and no handler runs.
 *
 * `await inbox.ready()` before the first delivery: it waits for the client to connect, rejects with an
 * `InboxError` after `commandTimeoutMs` if Redis cannot be reached or at once if it cannot be written
 * to, and then checks the settings of Redis and reports unsafe ones to `onWarning`.
 *
 * @throws OptionError for a wrong option
 */
export function redisInbox(options: RedisInboxOptions): Inbox<RedisContext> {
  const settings = readOptions(options)
  const { send, retentionSeconds, leaseMs, commandTimeoutMs, warn } = settings
  const claims = createClaims(send, settings)
  const completions = createCompletions(claims, leaseMs / 3, warn)
  let inspection: Promise<void> | undefined
  if (missesFailovers(options.client)) warn(redisError('redis-failover-unnoticed'))

  /** claim → work under a lease that is renewed → record the completion; if the work fails, release. */
  async function admit(
    key: string,
    work: (context: RedisContext, options?: InboxWorkOptions) => Promise<void>,
  ): Promise<Admission> {
    if (completions.isPending(key)) return 'duplicate'
    const claim = await claims.claim(key)
    // After the first answer of Redis; no delivery waits for the inspection.
    if (inspection === undefined) inspectOnce().catch(() => {})
    if (claim === 'done') return 'duplicate'
    if (claim === 'busy') return 'busy'
    const keeper = keepLease(claim, claims, settings, warn)
    try {
      await work({ lease: keeper.lease }, { signal: keeper.lease.signal })
    } catch (error) {
      keeper.stop()
      await claims.release(claim)
      throw error
    }
    keeper.stop()
    return await completions.record(claim, () => keeper.lose())
  }

  /** Warns of unsafe server settings. Runs again if Redis could not be asked. */
  function inspectOnce(): Promise<void> {
    inspection ??= inspectServer(send, commandTimeoutMs).then(
      (warnings) => warnings.forEach((code) => warn(redisError(code))),
      (error: unknown) => {
        inspection = undefined
        throw error
      },
    )
    return inspection
  }

  async function ready(): Promise<void> {
    await waitUntilReady(() => claims.probe(), commandTimeoutMs)
    await inspectOnce()
  }

  return { retentionSeconds, admit, flush: () => completions.flush(), ready }
}
