import { OptionError } from '@hongbao/core'

/** node-redis (a client or a pool), or whatever else takes a command as a list of strings. */
export interface CommandSender {
  /** `options` are node-redis's; a sender of your own can leave them out. */
  sendCommand(args: string[], options?: { readonly timeout?: number }): Promise<unknown>
  /** A {@link ClusterSender} has them; said here so that `args` has a type in `{ sendCommand: (args) => … }`. */
  readonly masters?: undefined
}

/** ioredis: a client, a cluster or a client of sentinels. */
export interface CommandCaller {
  call(command: string, ...args: string[]): Promise<unknown>
  readonly masters?: undefined
}

/** A cluster of node-redis, which wants to know the key in order to find the node. */
export interface ClusterSender {
  readonly masters: readonly unknown[]
  sendCommand(
    firstKey: string | undefined,
    isReadonly: boolean | undefined,
    args: string[],
  ): Promise<unknown>
}

/**
 * What is needed of a client: one way to send one command. Clients of ioredis and node-redis have
 * it; for any other, wrap what it has: `{ sendCommand: (args) => glide.customCommand(args) }`.
 */
export type RedisClient = CommandSender | CommandCaller | ClusterSender

/** A command as Redis takes it. */
export type Command = [name: string, ...args: string[]]

/**
 * Sends one command; `key` is the one that it is about, where it is about one. It may throw where it
 * should reject.
 */
export interface Send {
  (command: Command, key?: string): Promise<unknown>
  /** Whether the client finds the node of a key by itself. */
  readonly isCluster?: boolean
}

/**
 * The one function through which all commands go. ioredis has a `sendCommand` as well, which takes
 * something else, so its `call` is looked for first.
 */
export function readClient(client: RedisClient, timeoutMs: number): Send {
  // Every function has a `call`: `createClient` or `Redis` itself, in place of what it makes, is no client.
  const { call: ofIoredis, sendCommand } = Object(typeof client === 'object' && client)
  if (typeof ofIoredis === 'function' && 'call' in client) {
    const call: Send = (command) => client.call(...command)
    return Object.assign(call, { isCluster: Reflect.get(client, 'isCluster') === true })
  }
  if (typeof sendCommand !== 'function' || !('sendCommand' in client)) {
    throw new OptionError(
      'option-invalid',
      '`client` must be a client of ioredis or node-redis, or an object with `sendCommand(args)`.',
    )
  }
  if (client.masters !== undefined) {
    const send: Send = (command, key) => client.sendCommand(key, false, command)
    return Object.assign(send, { isCluster: true })
  }
  // node-redis takes a command out of its queue when this is over before it could be sent: it would
  // otherwise claim for an attempt that was given up.
  const options = { timeout: timeoutMs }
  return (command) => client.sendCommand(command, options)
}

/**
 * Whether this is an ioredis that asks sentinels for the primary only when it connects, and does not
 * notice a failover: it writes to the old primary until that one becomes a replica, ten seconds later.
 */
export function missesFailovers(client: RedisClient): boolean {
  const { sentinels, failoverDetector } = Object(Reflect.get(client, 'options'))
  return Array.isArray(sentinels) && failoverDetector !== true
}
