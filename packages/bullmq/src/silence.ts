import type { Warn } from '@hongbao/hand-off'
import type { Queue } from 'bullmq'

/**
 * Warns of a connection that waits for an answer without an end. A request that is lost on the way
 * while the connection stays open, behind a firewall that forgot it say, holds up all that come after
 * it, and nothing but a restart of the app helps.
 */
export async function warnOfSilence(
  queue: Pick<Queue, 'qualifiedName' | 'getBackend'>,
  warn: Warn,
): Promise<void> {
  if (!(await waitsForever(queue))) return
  warn(
    'bullmq-may-hang',
    `The connection of ${queue.qualifiedName} has no socketTimeout, so one that goes silent is NEVER REPLACED. Set it: 5000, or 15000 for a worker.`,
  )
}

/** Known of ioredis alone: other clients have no such option, and a cluster does not show its nodes'. */
async function waitsForever(queue: Pick<Queue, 'getBackend'>): Promise<boolean> {
  try {
    const { options } = await queue.getBackend().client
    // 0 is none, too.
    return 'maxRetriesPerRequest' in options && !options['socketTimeout']
  } catch {
    return false
  }
}
