import { checkOptions, MIN_RETENTION_SECONDS, readConsumer, wrong } from '@hongbao/core/internal'
import { readClient, type RedisClient, type Send } from './client.ts'
import { createWarn, type RedisInboxWarning, type Warn } from './warning.ts'

/** Options of `redisInbox`. Wrong ones are refused at start-up with an `OptionError`. */
export interface RedisInboxOptions {
  /**
   * A client of ioredis or node-redis, one of their clusters, or an object with
   * `sendCommand(args)`. It stays yours: the inbox neither connects nor closes it.
   */
  readonly client: RedisClient
  /**
   * The name of the service whose effects this inbox remembers, as in a consumer group: all
   * processes of one service have the same, services that share a Redis have different ones. 1 to
   * 100 characters: letters (a to z, A to Z), digits, `-`, `_` and `.`. It is part of the name of every
   * key: with another one, everything that was applied is applied again when Ping++ sends it again.
   */
  readonly consumer: string
  /** What the names of the inbox's keys begin with. Default: `'hongbao:'`. */
  readonly prefix?: string | undefined
  /** How long an applied key is remembered, in seconds: 27 h or more. Default: 7 days. */
  readonly retentionSeconds?: number | undefined
  /**
   * How long an event stays taken after its process died, in milliseconds. It is renewed every
   * third of that while handlers run. Default: 60,000.
   */
  readonly leaseMs?: number | undefined
  /** How long handlers may run before the lease is no longer renewed, in milliseconds. Default: 900,000. */
  readonly maxWorkMs?: number | undefined
  /** How long Redis may take to answer, in milliseconds; less than `leaseMs`. Default: 1,000. */
  readonly commandTimeoutMs?: number | undefined
  /** Told what threatens the promise without failing a delivery. Default: a line on the console. */
  readonly onWarning?: ((warning: RedisInboxWarning) => unknown) | undefined
}

/** The options, checked and completed. */
export interface Settings {
  readonly send: Send
  readonly consumer: string
  readonly prefix: string
  readonly retentionSeconds: number
  readonly leaseMs: number
  readonly maxWorkMs: number
  readonly commandTimeoutMs: number
  readonly warn: Warn
}

const NAMES: Readonly<Record<keyof RedisInboxOptions, true>> = {
  client: true,
  consumer: true,
  prefix: true,
  retentionSeconds: true,
  leaseMs: true,
  maxWorkMs: true,
  commandTimeoutMs: true,
  onWarning: true,
}
// Node's timers hold 31 bits and fire at once above that.
const MAX_MS = 2 ** 31 - 1
// 31 years. Redis refuses times to live that overflow when they are added to its clock.
const MAX_RETENTION_SECONDS = 1_000_000_000

export function readOptions(options: RedisInboxOptions): Settings {
  checkOptions('`redisInbox`', options, NAMES)
  const { prefix = 'hongbao:', onWarning } = options
  const commandTimeoutMs = readMs('commandTimeoutMs', options.commandTimeoutMs ?? 1000, 1)
  const send = readClient(options.client, commandTimeoutMs)
  const consumer = readConsumer(options.consumer)
  if (!isName(prefix)) {
    throw wrong('prefix', 'a string without braces, which name the slot of a key in a cluster')
  }
  if (onWarning !== undefined && typeof onWarning !== 'function') {
    throw wrong('onWarning', 'a function')
  }
  return {
    send,
    consumer,
    prefix,
    retentionSeconds: readRetention(options.retentionSeconds ?? 7 * 24 * 60 * 60),
    // A claim whose answer takes the whole lease would be over before its work begins.
    leaseMs: readMs('leaseMs', options.leaseMs ?? 60_000, commandTimeoutMs + 1),
    maxWorkMs: readMs('maxWorkMs', options.maxWorkMs ?? 15 * 60_000, 1),
    commandTimeoutMs,
    warn: createWarn(onWarning),
  }
}

/** Without braces, which set the inbox key apart from the rest of a name. */
function isName(value: unknown): value is string {
  return typeof value === 'string' && !/[{}]/.test(value)
}

function readMs(option: string, ms: number, min: number): number {
  if (Number.isSafeInteger(ms) && ms >= min && ms <= MAX_MS) return ms
  throw wrong(option, `a whole number of milliseconds from ${min} to ${MAX_MS}`)
}

function readRetention(seconds: number): number {
  const isKept = seconds >= MIN_RETENTION_SECONDS && seconds <= MAX_RETENTION_SECONDS
  if (Number.isSafeInteger(seconds) && isKept) return seconds
  throw wrong(
    'retentionSeconds',
    `a whole number of seconds from ${MIN_RETENTION_SECONDS} (27 h; Ping++ sends again for 24 h 47 min) to ${MAX_RETENTION_SECONDS}`,
  )
}
