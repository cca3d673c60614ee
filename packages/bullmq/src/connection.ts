import { OptionError } from '@hongbao/core'
import type { JobSettings } from '@hongbao/hand-off/internal'
import type { Queue, QueueOptions, Worker, WorkerOptions } from 'bullmq'

/** The part of a BullMQ queue that is used here. */
export type RedisQueue = Pick<
  Queue,
  'name' | 'qualifiedName' | 'toKey' | 'add' | 'getJob' | 'getJobs' | 'getBackend' | 'on' | 'close'
>

export type Connection = QueueOptions['connection']

/** How a queue on BullMQ works. */
export interface BrokerSettings extends JobSettings {
  readonly connection: Connection
  readonly prefix: string
  readonly worker: Omit<WorkerOptions, 'connection' | 'concurrency' | 'prefix'> | undefined
}

/** A silent connection is closed, and one to a primary that became a replica is replaced. */
const OPTIONS = {
  keepAlive: 10_000,
  reconnectOnError: (error: Error) => error.message.includes('READONLY'),
} as const

// A worker waits up to 5 s for a job, and up to 10 s while one is delayed.
const WORKER_SOCKET_TIMEOUT_MS = 15_000

/** While Redis is down, a delivery is answered 500 at once instead of waiting in ioredis. */
export function forReceivers(connection: Connection): Connection {
  if (isClient(connection)) return connection
  return { ...OPTIONS, socketTimeout: 5000, enableOfflineQueue: false, ...connection }
}

export function forWorkers(connection: Connection): WorkerOptions['connection'] {
  if (isClient(connection)) return connection
  const given: unknown = Reflect.get(connection, 'socketTimeout')
  const socketTimeout = Math.max(Number(given) || 0, WORKER_SOCKET_TIMEOUT_MS)
  return { ...OPTIONS, ...connection, socketTimeout, enableOfflineQueue: true }
}

/**
 * Cuts connections that do not close by themselves, or they would reconnect and keep the process
 * alive. A client that the app made stays connected.
 */
export function disconnect(
  backend: ReturnType<(Queue | Worker)['getBackend']>,
  connection: Connection,
): void {
  void backend.close(true).catch(() => {})
  // While BullMQ waits for the answer to its QUIT, `close` does nothing.
  if (!isClient(connection))
    void backend.client.then(
      (client) => client.disconnect(),
      () => {},
    )
}

/** Whether the app made the client, so the app closes it. */
function isClient(connection: object): boolean {
  return 'disconnect' in connection
}

/**
 * Refuses a queue whose keys a Redis Cluster would put into several slots: BullMQ's scripts fail
 * there, so every event would be answered 500.
 */
export function refuseSplitQueue(connection: object, qualifiedName: string): void {
  const isCluster = Reflect.get(connection, 'isCluster') === true
  if (!isCluster || HASH_TAG.test(qualifiedName)) return
  throw new OptionError(
    'option-invalid',
    `The queue ${qualifiedName} is on a Redis Cluster, and BullMQ needs all its keys in one slot: put the prefix in braces. Write \`bullmqQueue({ connection, prefix: '{bull}' })\`.`,
  )
}

/** The part of a key that decides its slot (Redis Cluster specification, "Hash tags"). */
const HASH_TAG = /^[^{]*\{[^}]+\}/
