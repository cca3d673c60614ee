import { OptionError } from '@hongbao/core'

/**
 * Refuses a queue whose keys a Redis Cluster would put into several slots: none of BullMQ's scripts
 * runs there, so every event would be answered 500.
 */
export function refuseSplitQueue(connection: unknown, qualifiedName: string): void {
  if (!isCluster(connection) || HASH_TAG.test(qualifiedName)) return
  throw new OptionError(
    'option-invalid',
    `The queue ${qualifiedName} is on a Redis Cluster, and BullMQ needs all its keys in one slot: put the prefix in braces. Write \`bullmqQueue({ connection, prefix: '{bull}' })\`.`,
  )
}

/** The part of a key that decides its slot (Redis Cluster specification, "Hash tags"). */
const HASH_TAG = /^[^{]*\{[^}]+\}/

function isCluster(connection: unknown): boolean {
  return (
    typeof connection === 'object' &&
    connection !== null &&
    'isCluster' in connection &&
    connection.isCluster === true
  )
}
