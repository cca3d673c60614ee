import { SIGNATURE_HEADER, signBytes } from '@hongbao/core/internal'
import { generateKeyPairSync, type KeyObject } from 'node:crypto'
import { isWebhookFault, type WebhookFaultKind } from './fault-kind.ts'
import type { ActiveFault } from './faults.ts'
import { escapeUnicode, tamper } from '../events/altered-text.ts'
import type { Notification } from '../events/notifications.ts'
import { TEST_CASE_DELAY_MS } from '../clock/schedule.ts'

export interface AttemptPlan {
  /** How long the attempt is held back, on the sandbox's clock. */
  readonly holdMs: number
  /** Whether it is released when another notification was sent. */
  readonly untilAnother: boolean
  readonly copies: number
  readonly atOnce: boolean
  readonly body: Buffer
  readonly headers: Readonly<Record<string, string>>
  /** The body comes in pieces of so many bytes, so many wall-clock milliseconds apart. */
  readonly drip: { readonly chunkBytes: number; readonly chunkMs: number } | undefined
  /** `cut` and `reset` end the connection in the middle of the body; `lost` and `late` concern the answer. */
  readonly ending: 'answered' | 'lost' | 'late' | 'cut' | 'reset'
  readonly faults: readonly string[]
}

/** Ping++'s own test cases (`metadata[pingpp_tc]`), only at the first attempt. */
const TEST_CASES: Readonly<Record<string, Partial<AttemptPlan>>> = {
  '001': { copies: 2 },
  '002': { holdMs: TEST_CASE_DELAY_MS },
}

const DEFAULT_DELAY_MS = 60_000

const CHANGES: Readonly<
  Record<WebhookFaultKind, (fault: ActiveFault, plan: AttemptPlan) => Partial<AttemptPlan>>
> = {
  'answer-lost': () => ({ ending: 'lost' }),
  timeout: () => ({ ending: 'late' }),
  'truncated-body': () => ({ ending: 'cut' }),
  'connection-reset': () => ({ ending: 'reset' }),
  duplicate: ({ copies = 2, how }) => ({ copies, atOnce: how === 'at-once' }),
  reorder: ({ delayMs = DEFAULT_DELAY_MS }) => ({ holdMs: delayMs, untilAnother: true }),
  delay: ({ delayMs = DEFAULT_DELAY_MS }) => ({ holdMs: delayMs }),
  'tampered-body': (_, { body }) => ({ body: tamper(body) }),
  'escaped-body': (_, { body }) => ({ body: escapeText(body) }),
  'tampered-signature': (_, { headers }) => ({
    headers: { ...headers, [SIGNATURE_HEADER]: alterSignature(headers[SIGNATURE_HEADER] ?? '') },
  }),
  'missing-signature': (_, { headers: { [SIGNATURE_HEADER]: _signature, ...headers } }) => ({
    headers,
  }),
  'wrong-key': (_, { body, headers }) => ({
    headers: { ...headers, [SIGNATURE_HEADER]: signBytes(body, foreignKey()) },
  }),
  'slow-body': ({ chunkBytes = 64, chunkMs = 20 }) => ({ drip: { chunkBytes, chunkMs } }),
}

/** Plans an attempt. The notification's own bytes and signature are left as they are. */
export function planAttempt(
  notification: Notification,
  n: number,
  faults: readonly ActiveFault[],
): AttemptPlan {
  return faults.reduce(planFault, genuine(notification, n))
}

function planFault(plan: AttemptPlan, fault: ActiveFault): AttemptPlan {
  const { kind } = fault
  if (!isWebhookFault(kind)) return plan
  return { ...plan, ...CHANGES[kind](fault, plan), faults: [...plan.faults, kind] }
}

function genuine({ body, event, testCase = '' }: Notification, n: number): AttemptPlan {
  const { signature } = event
  const plan: AttemptPlan = {
    holdMs: 0,
    untilAnother: false,
    copies: 1,
    atOnce: false,
    body,
    headers: {
      'content-type': 'application/json;charset=UTF-8',
      'user-agent': 'hongbao-sandbox',
      ...(signature === '' ? {} : { [SIGNATURE_HEADER]: signature }),
    },
    drip: undefined,
    ending: 'answered',
    faults: NO_FAULTS,
  }
  const changes = n === 1 && Object.hasOwn(TEST_CASES, testCase) ? TEST_CASES[testCase] : undefined
  return changes === undefined ? plan : { ...plan, ...changes, faults: [`pingpp_tc=${testCase}`] }
}

const NO_FAULTS: readonly string[] = []

/** If all is ASCII, with a space, which such tools write too. */
function escapeText(body: Buffer): Buffer {
  const text = body.toString()
  const escaped = escapeUnicode(text)
  return Buffer.from(escaped === text ? text.replace('{', '{ ') : escaped)
}

/** Another base64 text of the same length. */
function alterSignature(signature: string): string {
  const first = signature.startsWith('A') ? 'B' : 'A'
  return first + signature.slice(1)
}

let madeKey: KeyObject | undefined

/** Generated once: it takes a tenth of a second. */
function foreignKey(): KeyObject {
  madeKey ??= generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey
  return madeKey
}
