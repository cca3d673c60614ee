import { createHash } from 'node:crypto'

/** What stands for a key in Postgres. */
export interface StoredKey {
  /**
   * The first 128 bits of its SHA-256, as a uuid: 16 bytes whatever the key's length, and the same in
   * every encoding and collation that a database may have. In SQL:
   * `encode(substring(sha256(convert_to(key, 'UTF8')) for 16), 'hex')::uuid`.
   */
  readonly id: string
  /** The advisory lock of the key: other 64 bits. A collision costs a needless `busy`, no more. */
  readonly lock: string
}

export function storeKey(key: string, tableLock: bigint): StoredKey {
  const digest = createHash('sha256').update(key, 'utf8').digest()
  const lock = digest.readBigInt64BE(16) ^ tableLock
  return { id: digest.toString('hex', 0, 16), lock: lock.toString() }
}

/** Sets the locks of two inboxes in one database apart: both may apply the same event at once. */
export function lockOf(name: string): bigint {
  return createHash('sha256').update(name, 'utf8').digest().readBigInt64BE(0)
}
