import { Buffer } from 'node:buffer'

/**
 * Returns whether a value is a `Uint8Array` (a `Buffer` is one) of any realm. `instanceof` knows only the
 * classes of its own realm: jsdom, Jest and `node:vm` have others.
 */
export function isBytes(value: unknown): value is Uint8Array {
  // A class and a tag can be forged; `isView` cannot, but is true for the other views too. The tag costs 1 %
  // of a delivery, so the class comes first.
  if (!ArrayBuffer.isView(value)) return false
  return value instanceof Uint8Array || Object.prototype.toString.call(value) === TAG
}

const TAG = '[object Uint8Array]'

export interface JoinedBytes {
  size(): number
  /** Adds a chunk at the end. A single chunk is kept as it is, more are copied: a chunk must not be reused. */
  add(chunk: Uint8Array): void
  all(): Uint8Array
}

/**
 * Joins chunks as they arrive. A chunk that is kept costs about 500 bytes of memory besides its content, so
 * a body in chunks of one byte would take 500 times its size. This takes at most twice the size, and
 * three times while it grows, whatever the chunks.
 */
export function joinBytes(): JoinedBytes {
  let joined: Uint8Array = NONE
  let size = 0

  return {
    size: () => size,
    add(chunk) {
      const end = size + chunk.byteLength
      // A normal delivery has one chunk: no copy.
      if (size === 0) joined = chunk
      else append(chunk, end)
      size = end
    },
    all: () => (size === joined.byteLength ? joined : joined.subarray(0, size)),
  }

  function append(chunk: Uint8Array, end: number): void {
    // The first chunk belongs to the host, and its memory may be a part of something larger.
    if (end > joined.byteLength) joined = enlarge(joined, Math.max(end, 2 * size))
    joined.set(chunk, size)
  }
}

/** Returns all bytes of a stream; undefined if there are more than `maxBytes`. */
export async function readAll(
  reader: ReadableStreamDefaultReader<Uint8Array>,
  maxBytes: number,
): Promise<Uint8Array | undefined> {
  const joined = joinBytes()
  // oxlint-disable-next-line no-await-in-loop -- chunks come one after another
  for (let next = await reader.read(); !next.done; next = await reader.read()) {
    if (joined.size() + next.value.byteLength > maxBytes) return undefined
    joined.add(next.value)
  }
  return joined.all()
}

const NONE = new Uint8Array()

function enlarge(bytes: Uint8Array, size: number): Uint8Array {
  const larger = Buffer.alloc(size)
  larger.set(bytes)
  return larger
}
