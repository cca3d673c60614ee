import { randomBytes } from 'node:crypto'

const BASE62 = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz'

/** An id as Ping++ makes them: a prefix such as `red_`, and 24 characters. */
export function newId(prefix: string): string {
  return prefix + randomText(24, BASE62)
}

/** Digits, say of WeChat's transaction numbers. */
export function newDigits(count: number): string {
  return randomText(count, BASE62.slice(0, 10))
}

function randomText(length: number, alphabet: string): string {
  // Above the largest multiple that a byte holds, the first characters would come more often.
  const limit = 256 - (256 % alphabet.length)
  let text = ''
  while (text.length < length) {
    for (const byte of randomBytes(length)) {
      if (byte < limit && text.length < length) text += alphabet[byte % alphabet.length]
    }
  }
  return text
}
