import type { QueueOptions, WorkerOptions } from 'bullmq'

/** Whether the app has made the client, and closes it. */
export function isClient(connection: object): boolean {
  return 'disconnect' in connection
}

/** A silent connection is given up, and one to a primary that became a replica is made anew. */
const OPTIONS = {
  keepAlive: 10_000,
  reconnectOnError: (error: Error) => error.message.includes('READONLY'),
} as const

// A worker waits up to 5 s for a job, and up to 10 s while one is delayed.
const WORKER_SOCKET_TIMEOUT_MS = 15_000

/** A delivery is answered 500 at once while Redis is down, in place of waiting in ioredis. */
export function forReceivers(connection: QueueOptions['connection']): QueueOptions['connection'] {
  if (isClient(connection)) return connection
  return { ...OPTIONS, socketTimeout: 5000, enableOfflineQueue: false, ...connection }
}

export function forWorkers(connection: QueueOptions['connection']): WorkerOptions['connection'] {
  if (isClient(connection)) return connection
  const given: unknown = Reflect.get(connection, 'socketTimeout')
  const socketTimeout = typeof given === 'number' ? given : 0
  return {
    ...OPTIONS,
    ...connection,
    socketTimeout: Math.max(socketTimeout, WORKER_SOCKET_TIMEOUT_MS),
    enableOfflineQueue: true,
  }
}
