import { InboxError } from '@hongbao/core'
import { inboxErrors } from '@hongbao/core/internal'

/** Code → what happened, what was expected, what to do. */
const ERRORS = {
  'redis-timed-out': 'Redis did not answer within `commandTimeoutMs`. Is it up, and near enough?',
  'redis-unreachable':
    'The command did not reach Redis, or its answer was lost. Expected a client that is connected and logged in: its `error` event says why it is not.',
  'redis-read-only':
    'Redis is read-only: this is a replica, or has become one in a failover. Expected the primary: have the client connect again when Redis answers READONLY (ioredis: `reconnectOnError`).',
  'redis-out-of-memory':
    'Redis is out of memory, and correctly evicts nothing. Give it more memory, or lower `retentionSeconds`.',
  'redis-not-ready':
    'Redis is not ready: it loads its data, runs a long script, moves slots, or its cluster or primary is down.',
  'redis-refuses-writes':
    'Redis refuses writes, because it cannot save them (disk) or has too few replicas.',
  'redis-login-refused':
    'Redis refused the login: the password is wrong or missing, or the user is unknown or disabled. Check the `username` and `password` of the client.',
  'redis-forbidden':
    'Redis does not allow this user a command or a key. It needs EVAL, EVALSHA, GET, SET, PEXPIRE and TIME on the keys of `prefix`.',
  'redis-wrong-node':
    'This node of a cluster does not hold the key, and this client knows no other. Use the cluster client of ioredis or node-redis.',
  'redis-refused': 'Redis refused the command. See `cause`.',
  'redis-reply-unexpected':
    'The client returned something other than integers. Is it in a transaction, or does it map replies?',
  'redis-key-taken':
    'The key holds a value that no inbox wrote. Give the inbox a `prefix` of its own.',
  'redis-lease-lost':
    'The lease was lost while the handlers ran: another process has taken the event over, or may have, so it may be applied twice. Was this process, or Redis, stopped for longer than `leaseMs`?',
  'redis-lease-ended':
    'The handlers ran for longer than `maxWorkMs`, so their lease is no longer renewed and another process may apply the event. Make the handlers shorter, or raise `maxWorkMs`.',
}

const WARNINGS = {
  'redis-may-evict':
    'Redis may evict keys, and an event whose key is gone is APPLIED AGAIN when it is sent again. Set `maxmemory-policy noeviction`, or use a Redis that has it.',
  'redis-not-persistent':
    'Redis keeps nothing on disk: after it restarts, events are applied again when they are sent again. Set `appendonly yes`.',
  'redis-server-unseen':
    'Redis does not show its settings (INFO, CONFIG GET). Make sure that it has `maxmemory-policy noeviction` and `appendonly yes`.',
  'redis-server-old':
    'Redis is older than 6.2, the oldest version that this inbox supports. Upgrade it.',
  'redis-failover-unnoticed':
    'The client asks sentinels for the primary, and does not notice when it changes: for about ten seconds after a failover, what it writes is lost, and those events are APPLIED AGAIN when they are sent again. Set `failoverDetector: true`.',
  'redis-replicas-not-required':
    'Redis has replicas, and confirms writes that none of them has: at a failover, what the old primary goes on confirming is lost, and those events are applied again when they are sent again. Set `min-replicas-to-write 1`.',
  'redis-mark-delayed':
    'An event was applied, but Redis has not recorded that yet. The inbox retries until it succeeds; if this process ends before that, the event may be applied again.',
}

/** The `code` of an `InboxError` of this inbox: why an event could not be admitted. */
export type RedisInboxErrorCode = keyof typeof ERRORS

/** The `code` of a warning: what threatens the promise although no delivery failed. */
export type RedisInboxWarningCode = keyof typeof WARNINGS | 'redis-lease-lost' | 'redis-lease-ended'

export const MESSAGES: typeof ERRORS & typeof WARNINGS = { ...ERRORS, ...WARNINGS }

/** Redis's word for it → code. Inside a script the word need not come first. */
const WORDS: Readonly<Record<string, RedisInboxErrorCode>> = {
  READONLY: 'redis-read-only',
  OOM: 'redis-out-of-memory',
  LOADING: 'redis-not-ready',
  MASTERDOWN: 'redis-not-ready',
  CLUSTERDOWN: 'redis-not-ready',
  TRYAGAIN: 'redis-not-ready',
  BUSY: 'redis-not-ready',
  MISCONF: 'redis-refuses-writes',
  NOREPLICAS: 'redis-refuses-writes',
  NOAUTH: 'redis-login-refused',
  WRONGPASS: 'redis-login-refused',
  NOPERM: 'redis-forbidden',
  MOVED: 'redis-wrong-node',
  ASK: 'redis-wrong-node',
  WRONGTYPE: 'redis-key-taken',
  FOREIGNVALUE: 'redis-key-taken',
}

/** The error of a code: what `admit` and `ready` reject with if Redis failed, and a warning's. */
export const redisError: <Code extends keyof typeof MESSAGES>(
  code: Code,
  options?: ErrorOptions,
) => InboxError<Code> = inboxErrors(MESSAGES)

/** Names what a client rejected with. A client of a cluster finds the node of a key by itself. */
export function toInboxError(cause: unknown, isCluster = false): InboxError<RedisInboxErrorCode> {
  if (isRedisError(cause)) return cause
  const code = cause instanceof Error ? codeOf(cause) : 'redis-unreachable'
  // It has followed as many redirections as it may: slots move faster than it learns of them.
  const isMoving = isCluster && code === 'redis-wrong-node'
  return redisError(isMoving ? 'redis-not-ready' : code, { cause })
}

export function isRedisError(thrown: unknown): thrown is InboxError<RedisInboxErrorCode> {
  return thrown instanceof InboxError && Object.hasOwn(MESSAGES, thrown.code)
}

/** The user may run scripts, and not a command in them: the words of Redis 7.2 and of older ones. */
const FORBIDDEN_IN_SCRIPT = /ACL failure in script|user executing the script can't/

function codeOf({ message }: Error): RedisInboxErrorCode {
  if (FORBIDDEN_IN_SCRIPT.test(message)) return 'redis-forbidden'
  const known = message.match(/\b[A-Z]{3,}\b/g)?.find((word) => Object.hasOwn(WORDS, word))
  if (known !== undefined) return WORDS[known] ?? 'redis-refused'
  // Redis begins with a word in capitals, "ERR unknown command"; clients and sockets do not.
  return /^[A-Z]+ /.test(message) ? 'redis-refused' : 'redis-unreachable'
}

const UNCERTAIN: ReadonlySet<RedisInboxErrorCode> = new Set([
  'redis-timed-out',
  'redis-unreachable',
  'redis-reply-unexpected',
])

/** Whether Redis may have carried out a command that failed like this. */
export function isUncertain(code: RedisInboxErrorCode): boolean {
  return UNCERTAIN.has(code)
}
