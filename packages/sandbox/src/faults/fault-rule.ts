import { isRecord } from '@hongbao/core/internal'
import { isEventType } from '@hongbao/core'
import { Refusal } from '../errors.ts'
import { unknownType } from '../events/event-types.ts'
import {
  ASPECTS,
  isFaultKind,
  isWebhookFault,
  type FaultKind,
  type FaultMatch,
  type FaultRule,
} from './fault-kind.ts'
import { ATTEMPTS } from '../clock/schedule.ts'

type Field = Exclude<keyof FaultRule, 'kind'>

interface FieldRule {
  /** As the end of "must be …". */
  readonly expected: string
  readonly isValid: (value: unknown, kind: FaultKind) => boolean
  /** Faults that have the field. Default: all. */
  readonly of?: readonly FaultKind[] | 'webhook'
}

// The longest time of a timer.
const MAX = 2 ** 31 - 1

const FIELDS: Readonly<Record<Field, FieldRule>> = {
  attempt: {
    of: 'webhook',
    expected: `an attempt from 1 to ${ATTEMPTS}, or a range [from, to] of them`,
    isValid: isAttemptRange,
  },
  times: {
    expected: 'a whole number, 1 or more, or Infinity',
    isValid: (value) => value === Infinity || isWhole(value, 1),
  },
  match: {
    expected:
      'an object with texts: `envelope`, `orderNo`, and `type` for a fault of webhooks, or `operation` ("create", "retrieve", "list", "retrieve-event") for one of the API',
    isValid: isMatch,
  },
  probability: {
    expected: 'a number above 0, up to 1',
    isValid: (value) => typeof value === 'number' && value > 0 && value <= 1,
  },
  copies: whole('a whole number from 2 to 100', 2, 100, ['duplicate']),
  how: {
    of: ['duplicate'],
    expected: '"at-once" or "in-sequence"',
    isValid: (value) => value === 'at-once' || value === 'in-sequence',
  },
  delayMs: whole('a whole number of milliseconds, 1 or more', 1, MAX, ['delay', 'reorder']),
  chunkBytes: whole('a whole number of bytes, 1 or more', 1, 2 ** 20, ['slow-body']),
  chunkMs: whole('a whole number of milliseconds, 0 or more', 0, MAX, ['slow-body']),
  status: whole('an HTTP status from 400 to 599', 400, 599, ['api-error']),
  code: {
    of: ['api-error', 'channel-failure'],
    expected: 'an error code of Ping++, such as "red_system_busy"',
    isValid: (value) => typeof value === 'string' && /^\w{1,64}$/.test(value),
  },
  retryAfterSeconds: whole('a whole number of seconds, 0 or more', 0, MAX, ['api-error']),
  latencyMs: whole('a whole number of milliseconds, 0 or more', 0, MAX, ['api-latency']),
  committed: {
    of: ['channel-failure'],
    expected: 'true or false',
    isValid: (value) => typeof value === 'boolean',
  },
}

/** @throws SandboxError `fault-invalid`, which names the field */
export function checkRule(kind: unknown, rule: unknown): void {
  if (!isFaultKind(kind)) {
    throw new Refusal('fault-kind-unknown', { kinds: Object.keys(ASPECTS).join(', ') })
  }
  if (typeof rule !== 'object' || rule === null) throw new Refusal('fault-no-object')
  for (const [name, value] of Object.entries(rule)) {
    if (value !== undefined) checkField(kind, name, value)
  }
}

/** The fields that a kind has, with what each must be. */
export function fieldsOf(kind: FaultKind): readonly { name: string; expected: string }[] {
  return Object.entries(FIELDS)
    .filter(([, { of }]) => isFieldOf(of, kind))
    .map(([name, { expected }]) => ({ name, expected }))
}

function checkField(kind: FaultKind, name: string, value: unknown): void {
  const field = new Map<string, FieldRule>(Object.entries(FIELDS)).get(name)
  if (field === undefined) {
    const names = Object.keys(FIELDS).join(', ')
    throw new Refusal('fault-field-unknown', { name, names })
  }
  const { of, isValid, expected } = field
  if (!isFieldOf(of, kind)) {
    if (of === 'webhook') throw new Refusal('fault-field-of-webhooks', { name, kind })
    throw new Refusal('fault-field-of-others', { name, kind, owners: (of ?? []).join(' and ') })
  }
  if (!isValid(value, kind)) throw new Refusal('fault-field', { name, expected })
  // With an unknown type, the fault would never fire.
  const type = isRecord(value) ? value['type'] : undefined
  if (typeof type === 'string' && !isEventType(type)) throw unknownType(type, 'match-type')
}

function isFieldOf(of: FieldRule['of'], kind: FaultKind): boolean {
  return of === 'webhook' ? isWebhookFault(kind) : (of?.includes(kind) ?? true)
}

function isAttemptRange(value: unknown): boolean {
  const [from, to = from, ...others]: readonly unknown[] = [value].flat()
  return others.length === 0 && isWhole(from, 1, ATTEMPTS) && isWhole(to, Number(from), ATTEMPTS)
}

const MATCHES: Readonly<Record<keyof FaultMatch, RegExp>> = {
  type: /^[\w.-]+$/,
  envelope: /^\w+$/,
  orderNo: /^\w+$/,
  operation: /^(?:create|retrieve|list|retrieve-event)$/,
}

function isMatch(value: unknown, kind: FaultKind): boolean {
  if (!isRecord(value)) return false
  // It would never fire.
  if ((isWebhookFault(kind) ? 'operation' : 'type') in value) return false
  const patterns = new Map(Object.entries(MATCHES))
  return Object.entries(value).every(
    ([name, text]) =>
      text === undefined || (typeof text === 'string' && patterns.get(name)?.test(text) === true),
  )
}

function whole(expected: string, least: number, most: number, of: readonly FaultKind[]): FieldRule {
  return { of, expected, isValid: (value) => isWhole(value, least, most) }
}

function isWhole(value: unknown, least: number, most: number = Infinity): boolean {
  return Number.isSafeInteger(value) && Number(value) >= least && Number(value) <= most
}
