import { createHash } from 'node:crypto'

/** Of hongbao's inbox keys, so that no other program's names meet them. Made once, at random. */
const NAMESPACE = '8e892b7c-25cd-4688-9cf7-0d6d98145ea8'

/**
 * An inbox key as a UUID, which is all that pg-boss takes for an id: version 5 of RFC 9562, section
 * 5.5, the first 128 bits of SHA-1 over namespace and name with six bits overwritten.
 */
export function uuidOf(key: string, namespace: string = NAMESPACE): string {
  const hash = createHash('sha1')
  hash.update(Buffer.from(namespace.replaceAll('-', ''), 'hex'))
  const hex = hash.update(key).digest('hex')
  const variant = ((Number.parseInt(hex.slice(16, 18), 16) & 0x3f) | 0x80).toString(16)
  return [
    hex.slice(0, 8),
    hex.slice(8, 12),
    `5${hex.slice(13, 16)}`,
    variant + hex.slice(18, 20),
    hex.slice(20, 32),
  ].join('-')
}
