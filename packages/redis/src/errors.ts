import { vouchFor } from '@hongbao/core/internal'

/** Why an event could not be admitted: match on `code`, never on the message or with `instanceof`. */
export type RedisInboxErrorCode =
  | 'redis-timed-out'
  | 'redis-unreachable'
  | 'redis-read-only'
  | 'redis-out-of-memory'
  | 'redis-not-ready'
  | 'redis-refuses-writes'
  | 'redis-login-refused'
  | 'redis-forbidden'
  | 'redis-wrong-node'
  | 'redis-refused'
  | 'reply-unexpected'
  | 'key-taken'
  | 'lease-lost'

/** Error code → what happened, what was expected, what to do. */
const MESSAGES: Readonly<Record<RedisInboxErrorCode, string>> = {
  'redis-timed-out': 'Redis did not answer within `commandTimeoutMs`. Is it up, and near enough?',
  'redis-unreachable':
    'The command did not reach Redis, or its answer was lost. Expected a client that is connected and logged in: its `error` event says why it is not.',
  'redis-read-only':
    'Redis is read-only: this is a replica, or has become one in a failover. Expected the primary: have the client connect again when it is told READONLY (ioredis: `reconnectOnError`).',
  'redis-out-of-memory':
    'Redis is out of memory and, rightly, does not evict. Give it more memory, or remember for less long (`retentionSeconds`).',
  'redis-not-ready':
    'Redis is not ready: it loads its data, runs a long script, moves slots of its cluster, or its cluster or primary is down.',
  'redis-refuses-writes':
    'Redis refuses writes, because it cannot save them (disk) or has too few replicas.',
  'redis-login-refused':
    'Redis refused the login: the password is wrong or missing, or the user is unknown or disabled. Check the `username` and `password` of the client.',
  'redis-forbidden':
    'Redis does not allow this user a command or a key. It needs EVAL, EVALSHA, GET, SET, PEXPIRE and TIME on the keys of `prefix`.',
  'redis-wrong-node':
    'This node of a cluster does not hold the key, and this client knows no other. Use the cluster client of ioredis or node-redis.',
  'redis-refused': 'Redis refused the command. `cause` has its words.',
  'reply-unexpected':
    'The client answered with something else than integers. Is it in a transaction, or does it map replies?',
  'key-taken':
    'The key holds something that no inbox has put there. Give the inbox a `prefix` of its own.',
  'lease-lost':
    'The lease was lost while the handlers ran: another process has taken the event over, or may have, and has not applied it.',
}

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
  WRONGTYPE: 'key-taken',
  FOREIGNVALUE: 'key-taken',
}

/** What `admit` rejects with where it is Redis that failed, and not the work. */
export class RedisInboxError extends Error {
  override readonly name = 'RedisInboxError'
  readonly code: RedisInboxErrorCode

  constructor(code: RedisInboxErrorCode, options?: ErrorOptions) {
    super(MESSAGES[code], options)
    this.code = code
  }
}

vouchFor(RedisInboxError, ({ code }) => MESSAGES[code])

/** Names what a client rejected with. A client of a cluster finds the node of a key by itself. */
export function toInboxError(cause: unknown, isCluster = false): RedisInboxError {
  if (cause instanceof RedisInboxError) return cause
  const code = cause instanceof Error ? codeOf(cause) : 'redis-unreachable'
  // It has followed as many redirections as it may: slots move faster than it learns of them.
  const isMoving = isCluster && code === 'redis-wrong-node'
  return new RedisInboxError(isMoving ? 'redis-not-ready' : code, { cause })
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
  'reply-unexpected',
])

/** Whether Redis may have carried out a command that failed like this. */
export function isUncertain(code: RedisInboxErrorCode): boolean {
  return UNCERTAIN.has(code)
}
