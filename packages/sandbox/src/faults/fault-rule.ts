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
  /** Faults that have the field. */
  readonly of: readonly FaultKind[] | 'webhook' | 'all'
  readonly isValid: (value: unknown, kind: FaultKind) => boolean
  /** As the end of "must be …". */
  readonly expected: string
}

const FIELDS: Readonly<Record<Field, FieldRule>> = {
  attempt: {
    of: 'webhook',
    isValid: isAttemptRange,
    expected: `an attempt from 1 to ${ATTEMPTS}, or a range [from, to] of them`,
  },
  times: {
    of: 'all',
    isValid: (value) => value === Infinity || isInteger(value, 1, Number.MAX_SAFE_INTEGER),
    expected: 'a whole number, 1 or more, or Infinity',
  },
  match: {
    of: 'all',
    isValid: isMatch,
    expected:
      'an object with texts: `envelope`, `orderNo`, and `type` for a fault of webhooks, or `operation` ("create", "retrieve", "list", "retrieve-event") for one of the API',
  },
  probability: {
    of: 'all',
    isValid: (value) => typeof value === 'number' && value > 0 && value <= 1,
    expected: 'a number above 0, up to 1',
  },
  copies: { of: ['duplicate'], ...integer(2, 100, 'a whole number from 2 to 100') },
  how: {
    of: ['duplicate'],
    isValid: (value) => value === 'at-once' || value === 'in-sequence',
    expected: '"at-once" or "in-sequence"',
  },
  delayMs: { of: ['delay', 'reorder'], ...milliseconds(1) },
  chunkBytes: { of: ['slow-body'], ...integer(1, 2 ** 20, 'a whole number of bytes, 1 or more') },
  chunkMs: { of: ['slow-body'], ...milliseconds(0) },
  status: { of: ['api-error'], ...integer(400, 599, 'an HTTP status from 400 to 599') },
  code: {
    of: ['api-error', 'channel-failure'],
    isValid: (value) => typeof value === 'string' && /^\w{1,64}$/.test(value),
    expected: 'an error code of Ping++, such as "red_system_busy"',
  },
  retryAfterSeconds: {
    of: ['api-error'],
    ...integer(0, 2 ** 31 - 1, 'a whole number of seconds, 0 or more'),
  },
  latencyMs: { of: ['api-latency'], ...milliseconds(0) },
  committed: {
    of: ['channel-failure'],
    isValid: (value) => typeof value === 'boolean',
    expected: 'true or false',
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
  const field = Object.entries(FIELDS).find(([each]) => each === name)?.[1]
  if (field === undefined) {
    const names = Object.keys(FIELDS).join(', ')
    throw new Refusal('fault-field-unknown', { name, names })
  }
  const { of, isValid, expected } = field
  if (!isFieldOf(of, kind)) {
    if (of === 'webhook') throw new Refusal('fault-field-of-webhooks', { name, kind })
    throw new Refusal('fault-field-of-others', { name, kind, owners: [of].flat().join(' and ') })
  }
  if (!isValid(value, kind)) throw new Refusal('fault-field', { name, expected })
  if (name === 'match') checkType(value)
}

function isFieldOf(of: FieldRule['of'], kind: FaultKind): boolean {
  if (of === 'all') return true
  return of === 'webhook' ? isWebhookFault(kind) : of.includes(kind)
}

function isAttemptRange(value: unknown): boolean {
  if (!Array.isArray(value)) return isInteger(value, 1, ATTEMPTS)
  const [from, to]: readonly unknown[] = value
  return value.length === 2 && isInteger(from, 1, ATTEMPTS) && isInteger(to, Number(from), ATTEMPTS)
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
  const patterns = Object.entries(MATCHES)
  return Object.entries(value).every(
    ([name, text]) =>
      text === undefined ||
      (typeof text === 'string' &&
        patterns.some(([each, pattern]) => each === name && pattern.test(text))),
  )
}

/** With an unknown type, the fault would never fire. */
function checkType(match: unknown): void {
  const type = isRecord(match) ? match['type'] : undefined
  if (typeof type !== 'string' || isEventType(type)) return
  throw unknownType(type, 'match-type')
}

function milliseconds(least: number): Pick<FieldRule, 'isValid' | 'expected'> {
  return integer(least, 2 ** 31 - 1, `a whole number of milliseconds, ${least} or more`)
}

function integer(
  least: number,
  most: number,
  expected: string,
): Pick<FieldRule, 'isValid' | 'expected'> {
  return { isValid: (value) => isInteger(value, least, most), expected }
}

function isInteger(value: unknown, least: number, most: number): boolean {
  return Number.isSafeInteger(value) && Number(value) >= least && Number(value) <= most
}
