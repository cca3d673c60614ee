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
  for (;;) {
    const chunk = Buffer.allocUnsafe(CHUNK_BYTES)
    let rest = chunk.subarray(0, fs.readSync(file, chunk))
    if (rest.length === 0) break
    while (rest.length > 0) {
      const end = rest.indexOf(LINE_FEED) + 1
      const part = rest.subarray(0, end || undefined)
      rest = rest.subarray(part.length)
      bytes += part.length
      parts = bytes > MAX_LINE_BYTES ? [] : [...parts, part]
      if (end === 0) continue
      yield bytes > MAX_LINE_BYTES ? '\n' : Buffer.concat(parts).toString('utf8')
      parts = []
      bytes = 0
    }
  }
  yield Buffer.concat(parts).toString('utf8')
}
