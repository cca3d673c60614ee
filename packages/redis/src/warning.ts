/** What somebody should know although no delivery failed of it. */
export type RedisInboxWarningCode =
  | 'may-evict'
  | 'not-persistent'
  | 'server-unseen'
  | 'server-old'
  | 'redis-failover-unnoticed'
  | 'redis-replicas-not-required'
  | 'lease-lost'
  | 'lease-ended'
  | 'mark-delayed'

/** A warning; the code is for alarms, the message for people. */
export interface RedisInboxWarning {
  readonly code: RedisInboxWarningCode
  readonly message: string
  /** The inbox key that it is about, where it is about one. */
  readonly key?: string
  /** What the client rejected with, where something was. */
  readonly cause?: unknown
}

/** Tells of one; never throws. */
export type Warn = (
  code: RedisInboxWarningCode,
  about?: Omit<RedisInboxWarning, 'code' | 'message'>,
) => void

const MESSAGES: Readonly<Record<RedisInboxWarningCode, string>> = {
  'may-evict':
    'Redis may evict keys, and an event whose key is gone is APPLIED AGAIN when it is sent again. Set `maxmemory-policy noeviction` on this Redis, or use one that has it.',
  'not-persistent':
    'Redis keeps nothing on disk: after a restart of it, events that were applied are applied again when they are sent again. Set `appendonly yes`.',
  'server-unseen':
    'Redis does not show its settings (INFO, CONFIG GET). See to it that it has `maxmemory-policy noeviction` and `appendonly yes`.',
  'server-old':
    'Redis is older than 6.2, for which this inbox is made, and not maintained any more. Take a newer one.',
  'redis-failover-unnoticed':
    'The client asks sentinels for the primary, and is not told when it changes: for about ten seconds after a failover, what it writes is lost, and those events are APPLIED AGAIN when they are sent again. Set `failoverDetector: true`.',
  'redis-replicas-not-required':
    'Redis has replicas, and confirms writes that none of them has: at a failover, what the old primary goes on confirming is lost, and those events are applied again when they are sent again. Set `min-replicas-to-write 1`.',
  'lease-lost':
    'A lease was lost while the handlers ran: the event may be applied twice. Was this process, or Redis, stopped for longer than `leaseMs`?',
  'lease-ended':
    'The handlers ran for longer than `maxWorkMs`, so their lease is not renewed any more and another process may apply the event.',
  'mark-delayed':
    'An event was applied, but Redis could not be told yet. It is tried again until it succeeds; if this process ends before that, the event may be applied again.',
}

/** The hook of the options. What it throws, now or later, is its own affair. */
export function createWarn(onWarning: (warning: RedisInboxWarning) => unknown = print): Warn {
  return function warn(code, about) {
    try {
      Promise.resolve(onWarning({ code, message: MESSAGES[code], ...about })).catch(() => {})
    } catch {
      // A broken hook must not cost a payment.
    }
  }
}

function print({ code, message, key }: RedisInboxWarning): void {
  const subject = key === undefined ? '' : ` (${key})`
  // oxlint-disable-next-line no-console -- the default of an option; pass `onWarning` to silence it
  console.warn(`[hongbao] ${code}${subject}: ${message}`)
}
