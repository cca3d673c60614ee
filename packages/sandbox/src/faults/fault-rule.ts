import { isEventType } from '@hongbao/core'
import { SandboxError } from '../errors.ts'
import { askForEventType } from '../engine/event-type-question.ts'
import { ASPECTS, isFaultKind, isWebhookFault } from './fault-aspect.ts'
import type { FaultKind, FaultMatch, FaultRule } from './fault-kind.ts'
import { ATTEMPTS } from '../delivery/schedule.ts'

type Field = Exclude<keyof FaultRule, 'kind'>

interface FieldRule {
  /** Which faults it is for. */
  readonly of: readonly FaultKind[] | 'webhook' | 'all'
  readonly isValid: (value: unknown, kind: FaultKind) => boolean
  /** What is expected, as the end of a sentence. */
  readonly expected: string
}

/** Field → whose it is, and what it may say: one table. */
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
  copies: {
    of: ['duplicate'],
    isValid: (value) => isInteger(value, 2, 100),
    expected: 'a whole number from 2 to 100',
  },
  how: {
    of: ['duplicate'],
    isValid: (value) => value === 'at-once' || value === 'in-sequence',
    expected: '"at-once" or "in-sequence"',
  },
  delayMs: { of: ['delay', 'reorder'], ...milliseconds(1) },
  chunkBytes: {
    of: ['slow-body'],
    isValid: (value) => isInteger(value, 1, 2 ** 20),
    expected: 'a whole number of bytes, 1 or more',
  },
  chunkMs: { of: ['slow-body'], ...milliseconds(0) },
  status: {
    of: ['api-error'],
    isValid: (value) => isInteger(value, 400, 599),
    expected: 'an HTTP status from 400 to 599',
  },
  code: {
    of: ['api-error', 'channel-failure'],
    isValid: (value) => typeof value === 'string' && /^\w{1,64}$/.test(value),
    expected: 'an error code of Ping++, such as "red_system_busy"',
  },
  retryAfterSeconds: {
    of: ['api-error'],
    isValid: (value) => isInteger(value, 0, 2 ** 31 - 1),
    expected: 'a whole number of seconds, 0 or more',
  },
  latencyMs: { of: ['api-latency'], ...milliseconds(0) },
  committed: {
    of: ['channel-failure'],
    isValid: (value) => typeof value === 'boolean',
    expected: 'true or false',
  },
}

/**
 * Refuses a rule that could not do what it says.
 *
 * @throws SandboxError `fault-invalid`, which names the field
 */
export function checkRule(kind: unknown, rule: unknown): void {
  if (!isFaultKind(kind)) {
    throw invalid(`There is no such fault. There are: ${Object.keys(ASPECTS).join(', ')}.`)
  }
  if (typeof rule !== 'object' || rule === null) throw invalid('A rule is an object.')
  for (const [name, value] of Object.entries(rule)) {
    if (value !== undefined) checkField(kind, name, value)
  }
}

function checkField(kind: FaultKind, name: string, value: unknown): void {
  if (!isField(name)) {
    throw invalid(
      `\`${name}\` is no field of a fault. There are: ${Object.keys(FIELDS).join(', ')}.`,
    )
  }
  const { of, isValid, expected } = FIELDS[name]
  if (!isFieldOf(of, kind)) {
    const owners = of === 'webhook' ? 'faults of webhooks' : [of].flat().join(' and ')
    throw invalid(`\`${name}\` is for ${owners} alone, not for ${kind}.`)
  }
  if (!isValid(value, kind)) throw invalid(`\`${name}\` must be ${expected}.`)
  if (name === 'match') checkType(value)
}

function isField(name: string): name is Field {
  return Object.hasOwn(FIELDS, name)
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
  if (typeof value !== 'object' || value === null) return false
  // It would never fire.
  if ((isWebhookFault(kind) ? 'operation' : 'type') in value) return false
  return Object.entries(value).every(
    ([name, text]) =>
      text === undefined ||
      (isMatchName(name) && typeof text === 'string' && MATCHES[name].test(text)),
  )
}

/** A type that is none would never come, and the fault never fire. */
function checkType(match: unknown): void {
  if (typeof match !== 'object' || match === null || !('type' in match)) return
  const { type } = match
  if (typeof type !== 'string' || isEventType(type)) return
  throw invalid(
    `\`match\` has ${JSON.stringify(type.slice(0, 64))}, which is no event of Ping++ that is known. ${askForEventType(type)}`,
  )
}

function isMatchName(name: string): name is keyof FaultMatch {
  return Object.hasOwn(MATCHES, name)
}

function milliseconds(least: number): Pick<FieldRule, 'isValid' | 'expected'> {
  return {
    isValid: (value) => isInteger(value, least, 2 ** 31 - 1),
    expected: `a whole number of milliseconds, ${least} or more`,
  }
}

function isInteger(value: unknown, least: number, most: number): boolean {
  return Number.isSafeInteger(value) && Number(value) >= least && Number(value) <= most
}

function invalid(message: string): SandboxError {
  return new SandboxError('fault-invalid', message)
}
