import type { InboxError } from '@hongbao/core'
import { redisError } from './errors.ts'

/** The text of a reply, which clients can be set to return as bytes; undefined for anything else. */
export function readText(reply: unknown): string | undefined {
  if (typeof reply === 'string') return reply
  if (!ArrayBuffer.isView(reply)) return undefined
  return Buffer.from(reply.buffer, reply.byteOffset, reply.byteLength).toString()
}

/** An integer, which clients can be set to return as text or bytes. */
export function readInteger(reply: unknown): number {
  const value = typeof reply === 'number' ? reply : Number(readText(reply) ?? Number.NaN)
  if (!Number.isSafeInteger(value)) throw unexpected(reply)
  return value
}

export function readPair(reply: unknown): [first: number, second: number] {
  if (!Array.isArray(reply) || reply.length !== 2) throw unexpected(reply)
  return [readInteger(reply[0]), readInteger(reply[1])]
}

function unexpected(reply: unknown): InboxError {
  const cause = new TypeError(`A ${typeof reply} is not what the scripts answer with.`)
  return redisError('redis-reply-unexpected', { cause })
}
