import { unitsOf } from './bytes.ts'

/** A run of text that both sides have, or only one. */
export interface Piece {
  readonly kind: 'same' | 'removed' | 'added'
  readonly text: string
}

/** After a difference, so many equal characters show that both sides go on alike. */
const ANCHOR = 4

/** How far a difference can reach: forty Chinese characters as `\\uXXXX`. */
const REACH = 240

/** Byte-exact difference of two bodies, by characters of UTF-8; a byte that is not UTF-8 counts for itself. */
export function diffBytes(before: Uint8Array, after: Uint8Array): readonly Piece[] {
  const [old, now] = [textsOf(before), textsOf(after)]
  const pieces: Piece[] = []
  for (let x = 0, y = 0; x < old.length || y < now.length;) {
    const same = equalFrom(old, x, now, y)
    push(pieces, 'same', old.slice(x, x + same))
    x += same
    y += same
    const [removed, added] = findAnchor(old.slice(x), now.slice(y))
    push(pieces, 'removed', old.slice(x, x + removed))
    push(pieces, 'added', now.slice(y, y + added))
    x += removed
    y += added
  }
  return pieces
}

function textsOf(bytes: Uint8Array): string[] {
  return unitsOf(bytes).map(({ text }) => text)
}

function push(pieces: Piece[], kind: Piece['kind'], texts: readonly string[]): void {
  if (texts.length > 0) pieces.push({ kind, text: texts.join('') })
}

/** How many characters are equal from two places on. */
function equalFrom(old: readonly string[], x: number, now: readonly string[], y: number): number {
  let count = 0
  while (x + count < old.length && old[x + count] === now[y + count]) count += 1
  return count
}

/** The smallest difference after which both sides go on alike; without one, all that is left. */
function findAnchor(old: readonly string[], now: readonly string[]): readonly [number, number] {
  for (let size = 0; size <= 2 * REACH; size += 1) {
    for (let x = Math.max(0, size - REACH); x <= Math.min(size, REACH); x += 1) {
      const y = size - x
      const equal = equalFrom(old, x, now, y)
      const isEnd = x + equal === old.length && y + equal === now.length
      if (equal >= ANCHOR || isEnd) return [x, y]
    }
  }
  return [old.length, now.length]
}
