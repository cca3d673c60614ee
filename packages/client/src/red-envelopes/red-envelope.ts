import type { RedEnvelope, WebhookEvent } from '@hongbao/core'
import { isId, isPositive, isRecord, parseEvent, WebhookError } from '@hongbao/core/internal'
import { invalidAnswer, type GoodAnswer, type JsonObject } from '../http/answer.ts'

export type ExpectedEnvelope = Partial<
  Pick<RedEnvelope, 'id' | 'order_no' | 'amount' | 'recipient'>
>

/**
 * Reads an envelope of an answer. What decides about money is checked: that it is an envelope, the
 * requested one, with a status and an amount. Members that Ping++ adds later are kept. Two variants that
 * Ping++ writes are normalized: empty objects as `[]`, and `pending` for `sending` (its overview).
 */
export function readEnvelope(
  answer: GoodAnswer,
  expected: ExpectedEnvelope = {},
  value: unknown = answer.value,
): RedEnvelope {
  if (!isRecord(value)) throw invalidAnswer(answer, 'It is not an object.')
  const flaw = findFlaw(value) ?? findMismatch(value, expected)
  if (flaw !== undefined) throw invalidAnswer(answer, flaw)
  const { status } = value
  const unified = { ...value, status: status === 'pending' ? 'sending' : status }
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- an answer becomes typed here: what decides about money was checked, the rest is as Ping++ documents it
  return withObjects(unified) as unknown as RedEnvelope
}

/** Reads an event of an answer, by the same rules as an event of a webhook. */
export function readEvent(answer: GoodAnswer, id: string): WebhookEvent {
  const event = parseEvent(answer.bytes)
  if (event instanceof WebhookError) throw invalidAnswer(answer, event.message)
  if (event.id !== id) throw invalidAnswer(answer, 'It is another event.')
  const data = Object.freeze({ ...event.data, object: withObjects(event.data.object) })
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- an event that was checked, with empty objects for empty lists
  return Object.freeze({ ...event, data }) as WebhookEvent
}

/** An object with `{}` for members that Ping++ answers to GET as `[]`: PHP writes empty objects so. */
function withObjects(object: object): JsonObject {
  const members = Object.entries(object).map(([name, value]: [string, unknown]) => {
    const isEmpty = HASHES.has(name) && Array.isArray(value) && value.length === 0
    return [name, isEmpty ? Object.freeze({}) : value] as const
  })
  return Object.freeze(Object.fromEntries(members))
}

const HASHES: ReadonlySet<string> = new Set(['extra', 'metadata', 'credential'])

function findFlaw({ id, object, status, amount }: JsonObject): string | undefined {
  if (object !== 'red_envelope') return 'It is not a red envelope.'
  if (!isId(id)) return 'Its `id` is not an id.'
  if (typeof status !== 'string' || status === '') return 'Its `status` is not a string.'
  return isPositive(amount) ? undefined : 'Its `amount` is not an integer in fen.'
}

/**
 * An answer to another request: of a cache, a replayed one, whose signature is still valid, or the
 * earlier envelope of an order number that was used before. Members that are not in the answer match.
 */
function findMismatch(envelope: JsonObject, expected: ExpectedEnvelope): string | undefined {
  for (const [name, value] of Object.entries(expected)) {
    const answered = envelope[name]
    if (answered !== undefined && answered !== value) return `It is of another \`${name}\`.`
  }
  return undefined
}
