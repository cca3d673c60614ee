import type { Logger, OnWarning } from '@hongbao/core'
import {
  asGiven,
  callback,
  MAX_TIMEOUT_MS,
  readWarn,
  must,
  optional,
  readConsumer,
  readLogger,
  readSettings,
  retention,
  whole,
  wrong,
  type Completed,
  type Warn,
} from '@hongbao/core/internal'
import { readClient, type RedisClient, type Send } from './client.ts'
import type { RedisInboxWarningCode } from './errors.ts'

/** Options of `redisInbox`. Wrong ones are refused at start-up with an `OptionError`. */
export interface RedisInboxOptions {
  /**
   * A client of ioredis or node-redis, one of their clusters, or an object with
   * `sendCommand(args)`. It stays yours: the inbox neither connects nor closes it.
   */
  readonly client: RedisClient
  /**
   * The name of the service whose effects this inbox remembers, as in a consumer group: the same in all
   * processes of a service, different in services that share a Redis. 1 to
   * 100 characters: letters (a to z, A to Z), digits, `-`, `_` and `.`. It is part of the name of every
   * key: after a change of the name, redelivered events are applied again.
   */
  readonly consumer: string
  /** Prefix of the inbox's keys. Default: `'hongbao:'`. */
  readonly prefix?: string | undefined
  /** How long an applied key is remembered, in seconds: 27 h or more. Default: 7 days. */
  readonly retentionSeconds?: number | undefined
  /**
   * How long the lease of an event lasts after its process died, in milliseconds. It is renewed every
   * third of that while handlers run. Default: 60,000.
   */
  readonly leaseMs?: number | undefined
  /** How long handlers may run before the lease is no longer renewed, in milliseconds. Default: 900,000. */
  readonly maxWorkMs?: number | undefined
  /** Timeout of a command, in milliseconds; less than `leaseMs`. Default: 1,000. */
  readonly commandTimeoutMs?: number | undefined
  /**
   * Called with an `InboxError` about a problem that threatens the promise although no delivery failed,
   * with its code, and with the key of the event, if there is one. May be async; errors thrown by the hook
   * are ignored. Default: one line to `logger`.
   */
  readonly onWarning?: OnWarning<RedisInboxWarningCode> | undefined
  /** Gets a line for each warning if there is no `onWarning`; `false` for none. Default: `console`. */
  readonly logger?: Logger | false | undefined
}

/** The options, checked and completed. */
export interface Settings extends Completed<
  Omit<RedisInboxOptions, 'client' | 'onWarning' | 'logger'>
> {
  readonly send: Send
  readonly warn: Warn<RedisInboxWarningCode>
}

export function readOptions(options: RedisInboxOptions): Settings {
  const { client, onWarning, logger, ...rest } = readSettings('`redisInbox`', options, {
    client: asGiven(),
    consumer: readConsumer,
    prefix: optional(
      // Braces are around the inbox key too.
      must('a string without braces, which name the slot of a key in a cluster', isWithoutBraces),
      'hongbao:',
    ),
    retentionSeconds: optional(retention, 7 * 24 * 60 * 60),
    leaseMs: optional(timerMs, 60_000),
    maxWorkMs: optional(timerMs, 15 * 60_000),
    commandTimeoutMs: optional(timerMs, 1000),
    onWarning: optional(callback()),
    logger: readLogger,
  })
  const { commandTimeoutMs, leaseMs } = rest
  // A claim that is answered after `commandTimeoutMs` must still have a lease.
  if (leaseMs <= commandTimeoutMs) throw wrong('leaseMs', 'more than `commandTimeoutMs`')
  return {
    ...rest,
    send: readClient(client, commandTimeoutMs),
    warn: readWarn({ onWarning, logger }),
  }
}

// Node's timers hold 31 bits, and Redis takes whole milliseconds.
const timerMs = whole(1, MAX_TIMEOUT_MS, ' of milliseconds')

function isWithoutBraces(value: string): boolean {
  return typeof value === 'string' && !/[{}]/.test(value)
}
