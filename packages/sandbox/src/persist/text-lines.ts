import * as fs from 'node:fs'

const CHUNK_BYTES = 256 * 1024
const MAX_LINE_BYTES = 256 * 1024 * 1024
const LINE_FEED = 0x0a

/**
 * Reads a file by line, so that its size has no limit. Lines keep their line feed; the last one may have none. Of a
 * line over 256 MiB only the line feed is returned.
 */
export function* textLines(file: number): Generator<string> {
  let parts: Buffer[] = []
  let bytes = 0
  for (const part of partsOf(file)) {
    bytes += part.length
    if (bytes > MAX_LINE_BYTES) parts = []
    parts.push(part)
    if (part.at(-1) !== LINE_FEED) continue
    yield bytes > MAX_LINE_BYTES ? '\n' : Buffer.concat(parts).toString('utf8')
    parts = []
    bytes = 0
  }
  if (bytes <= MAX_LINE_BYTES) yield Buffer.concat(parts).toString('utf8')
}

/** Pieces of the file, cut after each line feed. */
function* partsOf(file: number): Generator<Buffer> {
  for (;;) {
    const chunk = Buffer.allocUnsafe(CHUNK_BYTES)
    const read = fs.readSync(file, chunk)
    if (read === 0) return
    let from = 0
    while (from < read) {
      const end = chunk.subarray(0, read).indexOf(LINE_FEED, from)
      const next = end === -1 ? read : end + 1
      yield chunk.subarray(from, next)
      from = next
    }
  }
}
