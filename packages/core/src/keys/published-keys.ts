import { createHash, type KeyObject } from 'node:crypto'

/**
 * The public keys that are published, by the first 64 bits of their fingerprint: the examples in the
 * repositories of Ping++'s SDKs. The first four are examples of Ping++'s key. The last is the
 * merchant's; its private half is published too.
 */
const PUBLISHED_KEYS: ReadonlySet<string> = new Set([
  // Node, PHP, Go, Ruby and C#.
  '5d0cc5174b1912c3',
  // Python, and Java once.
  '6a9dd79211117a56',
  // Python, in its history.
  'a3f1d3ce530ef2ec',
  // Java.
  'c6c8f348c553280f',
  // All of them.
  'f5fb3a905038004d',
])

export function isPublished(fingerprint: string): boolean {
  return PUBLISHED_KEYS.has(fingerprint.slice(0, 16))
}

export function fingerprintOf(key: KeyObject): string {
  const der = key.export({ type: 'spki', format: 'der' })
  return createHash('sha256').update(der).digest('hex')
}
