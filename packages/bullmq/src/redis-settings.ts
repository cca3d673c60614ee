import type { RedisQueue } from './connection.ts'
import type { Warn } from './warnings.ts'

/**
 * Warns of settings under which Redis loses jobs that it confirmed, or a connection hangs. Waits for
 * the connection without a limit. A setting that cannot be read is not warned of, except eviction.
 */
export async function warnOfSettings(
  queue: Pick<RedisQueue, 'qualifiedName' | 'getBackend'>,
  warn: Warn,
): Promise<void> {
  const { qualifiedName: name } = queue
  let info = ''
  try {
    const client = await queue.getBackend().client
    warnOfConnection(name, client.options, warn)
    // Hosts that forbid CONFIG allow INFO.
    info = await client.info()
  } catch {
    // The connection was closed, or INFO is forbidden.
  }
  warnOfServer(name, info, warn)
}

/** `options` are those of ioredis. Other clients, and a cluster, have none of these. */
function warnOfConnection(name: string, options: object, warn: Warn): void {
  const isRedis = 'maxRetriesPerRequest' in options
  // Without it, a request that gets lost, in a firewall for example, holds up all that follow.
  if (isRedis && !Reflect.get(options, 'socketTimeout')) {
    warn(
      'bullmq-may-hang',
      `The connection of ${name} has no socketTimeout, so one that goes silent is NEVER REPLACED. Set it: 5000, or 15000 for a worker.`,
    )
  }
  const hasSentinels = Array.isArray(Reflect.get(options, 'sentinels'))
  if (hasSentinels && Reflect.get(options, 'failoverDetector') !== true) {
    const gap = 'The connection has `sentinels` and no `failoverDetector: true`'
    warn('bullmq-failover-unsafe', losesAtFailover(gap, name))
  }
}

function warnOfServer(name: string, info: string, warn: Warn): void {
  const policy = /^maxmemory_policy:([\w-]+)/m.exec(info)?.[1]
  if (policy !== 'noeviction') {
    const finding =
      policy === undefined
        ? 'does not report its maxmemory-policy'
        : `has the maxmemory-policy ${policy}, so it LOSES EVENTS when its memory is full`
    warn('bullmq-may-evict', `The Redis of ${name} ${finding}. Set it to noeviction.`)
  }
  // INFO has `min_slaves_good_slaves` only if `min-replicas-to-write` is set.
  const hasReplicas = /^connected_slaves:[1-9]/m.test(info)
  if (hasReplicas && !/^(?:min_slaves_good_slaves:|cluster_enabled:1)/m.test(info)) {
    const gap = 'Redis has replicas and no `min-replicas-to-write 1`'
    warn('bullmq-failover-unsafe', losesAtFailover(gap, name))
  }
}

/** In a trial, a failover lost 420 of 800 jobs. */
function losesAtFailover(gap: string, name: string): string {
  return `${gap}, so a failover LOSES what Redis confirmed of ${name}. Set it.`
}
