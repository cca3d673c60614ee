import type { RedEnvelope } from '@hongbao/core'
import { isJsonObject, type JsonObject } from '../http/answer.ts'
import { Failure } from '../http/failure.ts'

/** What of an envelope is known before its answer comes. */
export type ExpectedEnvelope = Partial<
  Pick<RedEnvelope, 'id' | 'order_no' | 'amount' | 'recipient'>
>

/**
 * Makes an envelope of an answer. What decides about money is checked: that it is an envelope, the
 * one that was asked for, with a status and an amount. What Ping++ adds later is kept.
 *
 * Two more things that Ping++ was seen to write otherwise are made alike: empty objects as `[]`, and
 * `pending` for `sending` (its overview of red envelopes).
 */
export function readEnvelope(
  value: unknown,
  expected: ExpectedEnvelope = {},
): RedEnvelope | Failure {
  if (!isJsonObject(value)) return invalid('It is not an object.')
  const flaw = findFlaw(value) ?? findStranger(value, expected)
  return flaw === undefined ? normalize(value) : invalid(flaw)
}

/**
 * An object of Ping++'s whose empty objects are objects: asked for by GET, some come as `[]`, which
 * is how PHP writes them.
 */
export function withObjects(object: object): JsonObject {
  const members = Object.entries(object).map(([name, value]: [string, unknown]) => {
    const isPhps = HASHES.has(name) && Array.isArray(value) && value.length === 0
    return [name, isPhps ? Object.freeze({}) : value] as const
  })
  return Object.freeze(Object.fromEntries(members))
}

const HASHES: ReadonlySet<string> = new Set(['extra', 'metadata', 'credential'])

const ID = /^[\w-]{1,64}$/

/** Tells whether a value could be the id of an object of Ping++'s, and so a part of a path. */
export function isId(value: unknown): value is string {
  return typeof value === 'string' && ID.test(value)
}

function findFlaw({ id, object, status, amount }: JsonObject): string | undefined {
  if (object !== 'red_envelope') return 'It is no red envelope.'
  if (!isId(id)) return 'Its `id` is no id.'
  if (typeof status !== 'string' || status === '') return 'Its `status` is no text.'
  if (Number.isSafeInteger(amount) && Number(amount) > 0) return undefined
  return 'Its `amount` is no integer amount in fen.'
}

/**
 * An answer to another question: of a cache, or a replayed one, whose signature is as good as new; or
 * the earlier envelope of a number that was used before. What is not in the answer is no stranger.
 */
function findStranger(envelope: JsonObject, expected: ExpectedEnvelope): string | undefined {
  for (const [name, value] of Object.entries(expected)) {
    const answered = envelope[name]
    if (answered !== undefined && answered !== value) return `It is of another \`${name}\`.`
  }
  return undefined
}

/** The envelope as the types have it. */
function normalize(envelope: JsonObject): RedEnvelope {
  const { status } = envelope
  const unified = { ...envelope, status: status === 'pending' ? 'sending' : status }
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- where an answer becomes typed: what decides about money was checked, the rest is as Ping++ documents it
  return withObjects(unified) as unknown as RedEnvelope
}

function invalid(detail: string): Failure {
  return new Failure('response-invalid', { detail })
}
