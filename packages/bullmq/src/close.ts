import type { Logger } from '@hongbao/core'
import { contain, type RunningJobs } from '@hongbao/core/internal'
import type { EventWorker } from './event-worker.ts'

/**
 * Bounds the worker's `close`. BullMQ waits for Redis without an end: for a connection that never
 * came, for one that is on its way back, and for the answer to its QUIT.
 */
export function boundClose(worker: EventWorker, running: RunningJobs, logger: Logger): void {
  const release = worker.close.bind(worker)
  let closed: Promise<void> | undefined

  worker.close = function close(force) {
    if (force === true) return release(true)
    closed ??= closeInTime()
    return closed
  }

  async function closeInTime(): Promise<void> {
    if (await running.waitFor(release())) return
    hangUp(worker)
    contain(() =>
      logger.warn(
        `[hongbao] The worker of ${worker.qualifiedName} was closed while jobs ran past \`handlerTimeoutMs\`, or Redis did not answer. What it has not finished is tried again by another worker.`,
      ),
    )
  }
}

/** Ends the connections, or they would try to come back and keep the process alive. */
function hangUp(worker: EventWorker): void {
  const backend = worker.getBackend()
  void backend.close(true).catch(() => {})
  // A client that the app made is the app's to close.
  if ('disconnect' in worker.opts.connection) return
  // If BullMQ waits for the answer to its QUIT, it closes nothing twice.
  void backend.client.then((client) => client.disconnect()).catch(() => {})
}
