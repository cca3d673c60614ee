import type { Queue, Worker } from 'bullmq'

type Backend = ReturnType<(Queue | Worker)['getBackend']>

/** Ends connections that BullMQ made, or they would try to come back and keep the process alive. */
export function hangUp(backend: Backend): void {
  void backend.close(true).catch(() => {})
  // If BullMQ waits for the answer to its QUIT, it closes nothing twice.
  void backend.client.then((client) => client.disconnect()).catch(() => {})
}
