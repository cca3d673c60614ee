import { randomInt } from 'node:crypto'

const BASE62 = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz'

/** An id as Ping++ makes them: a prefix such as `red_`, and 24 characters. */
export function newId(prefix: string): string {
  return prefix + randomText(24, BASE62)
}

export function newDigits(count: number): string {
  return randomText(count, BASE62.slice(0, 10))
}

function randomText(length: number, alphabet: string): string {
  return Array.from({ length }, () => alphabet[randomInt(alphabet.length)]).join('')
}
