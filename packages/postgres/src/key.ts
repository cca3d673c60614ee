import { createHash } from 'node:crypto'

/** What stands for a key in Postgres. */
export interface StoredKey {
  /**
   * The first 128 bits of the SHA-256 of `consumer:key`, as a uuid: 16 bytes whatever the key's length,
   * and the same in every encoding and collation that a database may have. In SQL:
   * `encode(substring(sha256(convert_to('orders:' || key, 'UTF8')) for 16), 'hex')::uuid`. A consumer
   * has no colon in its name, so the first one ends it.
   */
  readonly id: string
  /** The advisory lock of the key: other 64 bits. A collision costs a needless `busy`, no more. */
  readonly lock: string
}

/** How the keys of one inbox are stored. */
export interface KeySpace {
  readonly consumer: string
  readonly tableLock: bigint
}

export function storeKey(key: string, space: KeySpace): StoredKey {
  const digest = digestOf(`${space.consumer}:${key}`)
  const lock = digest.readBigInt64BE(16) ^ space.tableLock
  return { id: digest.toString('hex', 0, 16), lock: lock.toString() }
}

function digestOf(text: string): Buffer {
  return createHash('sha256').update(text, 'utf8').digest()
}

/** Sets the locks of two inboxes in one database apart: both may apply the same event at once. */
export function lockOf(name: string): bigint {
  return digestOf(name).readBigInt64BE(0)
}
