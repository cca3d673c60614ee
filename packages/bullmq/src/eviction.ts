import type { Warn } from '@hongbao/hand-off'
import type { RedisQueue } from './broker.ts'

/**
 * Warns unless Redis keeps everything that it confirmed. Under any policy but `noeviction` it makes
 * room by dropping keys: jobs whose events Ping++ was told are safe, or the locks of running ones.
 */
export async function warnOfEviction(
  queue: Pick<RedisQueue, 'qualifiedName' | 'getBackend'>,
  warn: Warn,
): Promise<void> {
  const policy = await readPolicy(queue)
  if (policy === 'noeviction') return
  const finding =
    policy === undefined
      ? 'does not tell its maxmemory-policy'
      : `has the maxmemory-policy ${policy}, so it LOSES EVENTS when its memory is full`
  warn(
    'bullmq-may-evict',
    `The Redis of ${queue.qualifiedName} ${finding}. Set it to noeviction; nothing else keeps what was handed off.`,
  )
}

/** Waits for the connection, however long. INFO is open where hosts forbid CONFIG. */
async function readPolicy(queue: Pick<RedisQueue, 'getBackend'>): Promise<string | undefined> {
  try {
    const client = await queue.getBackend().client
    return /^maxmemory_policy:([\w-]+)/m.exec(await client.info())?.[1]
  } catch {
    return undefined
  }
}
