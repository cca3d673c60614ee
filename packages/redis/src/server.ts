import { withTimeout } from '@hongbao/core/internal'
import type { Command, Send } from './client.ts'
import { isUncertain, redisError, toInboxError, type RedisInboxWarningCode } from './errors.ts'
import { readText } from './replies.ts'

/**
 * Checks the settings of a server and returns a warning for each that threatens the inbox. A setting
 * that the server refuses to show is a warning too: managed ones often refuse CONFIG. Of a cluster,
 * only one node is checked. Rejects if the server cannot be asked, or does not answer in time.
 */
export async function inspectServer(
  client: Send,
  timeoutMs: number,
): Promise<RedisInboxWarningCode[]> {
  const send: Send = (command) => withTimeout(timeoutMs, client(command), timedOut)
  const reply = await ask(send, ['INFO'])
  const info = readText(reply) ?? ''
  const policy = field(info, 'maxmemory_policy') ?? (await setting(send, 'maxmemory-policy'))
  const isKept = await keepsOnDisk(send, info)

  const warnings: RedisInboxWarningCode[] = []
  // The keys have a time to live, so the policies that evict nothing but those (`volatile-*`) evict them.
  if (policy !== undefined && policy !== 'noeviction') warnings.push('redis-may-evict')
  if (isKept === false) warnings.push('redis-not-persistent')
  if (isOld(field(info, 'redis_version'))) warnings.push('redis-server-old')
  if (requiresNoReplica(info)) warnings.push('redis-replicas-not-required')
  if (policy === undefined || isKept === undefined) warnings.push('redis-server-unseen')
  return warnings
}

/**
 * Whether a primary confirms writes though its replicas are not there. INFO has `min_slaves_good_slaves`
 * only if `min-replicas-to-write` is set. A cluster is left out: its primaries stop by themselves when
 * they are cut off, and its clients follow a failover.
 */
function requiresNoReplica(info: string): boolean {
  const hasReplicas = Number(field(info, 'connected_slaves') ?? 0) > 0
  const isBound = field(info, 'min_slaves_good_slaves') !== undefined
  return hasReplicas && !isBound && field(info, 'cluster_enabled') !== '1'
}

/** By an append-only file or by snapshots; undefined if the server does not show it. */
async function keepsOnDisk(send: Send, info: string): Promise<boolean | undefined> {
  const log = field(info, 'aof_enabled') ?? (await setting(send, 'appendonly'))
  if (log === '1' || log === 'yes') return true
  const snapshots = await setting(send, 'save')
  return snapshots === undefined ? undefined : snapshots !== ''
}

/** A line of INFO: `maxmemory_policy:noeviction`. */
function field(info: string, name: string): string | undefined {
  return new RegExp(`^${name}:(.*?)\\r?$`, 'm').exec(info)?.[1]
}

/** One value of CONFIG GET, in the shapes of RESP2 (a list) and RESP3 (a map; clients differ). */
async function setting(send: Send, name: string): Promise<string | undefined> {
  const entries = listOf(await ask(send, ['CONFIG', 'GET', name]))
  const at = entries.findIndex((entry) => readText(entry) === name)
  return at === -1 ? undefined : readText(entries[at + 1])
}

function listOf(reply: unknown): readonly unknown[] {
  if (Array.isArray(reply)) return reply
  if (reply instanceof Map) return [...reply].flat()
  return typeof reply === 'object' && reply !== null ? Object.entries(reply).flat() : []
}

/** Undefined if the server refuses. */
async function ask(send: Send, command: Command): Promise<unknown> {
  try {
    return await send(command)
  } catch (error) {
    const failure = toInboxError(error)
    if (isUncertain(failure.code)) throw failure
    return undefined
  }
}

function timedOut(): never {
  throw redisError('redis-timed-out')
}

function isOld(version: string | undefined): boolean {
  if (version === undefined) return false
  const [major = 0, minor = 0] = version.split('.').map(Number)
  return major < 6 || (major === 6 && minor < 2)
}
