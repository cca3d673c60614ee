import type { Clock } from '../clock/clock.ts'
import type { Journal } from '../events/journal.ts'
import type {
  Attempt,
  AttemptErrorCode,
  AttemptKind,
  AttemptResponse,
} from '../events/sandbox-event.ts'
import type { AttemptPlan } from '../faults/fault-plan.ts'
import { ATTEMPTS } from '../clock/schedule.ts'
import { maskKeyBytes, maskKeys } from '../mask-keys.ts'
import { sentOf, type PostResult, type Sender } from './sender.ts'

export interface AttemptOrder {
  readonly event: string
  readonly eventType: string
  readonly n: number
  readonly kind: AttemptKind
  readonly plan: AttemptPlan
}

export interface AttemptContext {
  readonly clock: Clock
  readonly journal: Journal
  readonly responseTimeoutMs: number
  readonly sender: Sender
  /** Cancels the attempt; nothing of it is recorded from then on. */
  readonly signal: AbortSignal
  readonly record: (attempt: Attempt) => void
}

/**
 * Makes an attempt: as many posts as its plan has copies. Resolves with whether the app received one;
 * never rejects.
 */
export async function makeAttempt(order: AttemptOrder, context: AttemptContext): Promise<boolean> {
  const { copies, atOnce } = order.plan
  const duplicate: AttemptOrder = { ...order, kind: 'duplicate' }
  const orders = [order, ...Array.from({ length: copies - 1 }, () => duplicate)]
  if (atOnce) {
    const received = await Promise.all(orders.map((each) => post(each, context)))
    return received.includes(true)
  }
  let isReceived = false
  for (const each of orders) {
    if (context.signal.aborted) break
    // oxlint-disable-next-line no-await-in-loop -- copies are sent one after another
    if (await post(each, context)) isReceived = true
  }
  return isReceived
}

async function post({ plan, ...about }: AttemptOrder, context: AttemptContext): Promise<boolean> {
  const { clock, journal, responseTimeoutMs, sender, signal, record } = context
  const faults = plan.faults.length === 0 ? undefined : plan.faults
  const head = { ...about, of: ATTEMPTS, faults }
  journal.write({ type: 'attempt.started', ...head })
  const startedMs = clock.now()
  const result = await sender.post({ ...plan, timeoutMs: responseTimeoutMs }, signal)
  if (signal.aborted) return false

  const { url, headers, timings } = result
  const response = result.response && withoutKeys(result.response)
  const ms = Math.round(timings.totalMs)
  const sent = { url, headers, body: sentOf(plan) }
  const verdict = judge(result, plan)
  const { n, kind } = about
  const made = { n, kind, startedMs, target: sender.name, sent, ms, timings, response, ...verdict }
  record({ ...made, faults: plan.faults })
  const { status } = response ?? {}
  const body = firstCharacters(response?.body)
  journal.write({ type: 'attempt.finished', ...head, ...verdict, ms, status, body, timings })
  return verdict.ok
}

/** An app may answer with its own configuration, and what is kept of it is shown and persisted. */
function withoutKeys(response: AttemptResponse): AttemptResponse {
  const headers = Object.entries(response.headers).map(([name, value]) => [name, maskKeys(value)])
  return { ...response, headers: Object.fromEntries(headers), body: maskKeyBytes(response.body) }
}

/** How a fault ended an attempt → the error. */
const FAULT_ENDINGS: Readonly<Record<Exclude<AttemptPlan['ending'], 'answered'>, string>> = {
  lost: 'The app answered, and a fault lost the answer.',
  late: 'The app answered, and by a fault the answer came too late.',
  cut: 'A fault closed the connection in the middle of the body.',
  reset: 'A fault reset the connection in the middle of the body.',
}

/** Errors that happen before a fault can have an effect. */
const BEFORE_FAULTS: ReadonlySet<AttemptErrorCode> = new Set([
  'connection-refused',
  'dns',
  'target-remote',
  'tls',
])

/** Only a 2xx counts (guide, step 4), and only if its answer came. */
function judge(
  { response, failure }: PostResult,
  { ending }: AttemptPlan,
): Pick<Attempt, 'ok' | 'error' | 'errorCode'> {
  if (ending !== 'answered' && (failure === undefined || !BEFORE_FAULTS.has(failure.code))) {
    return { ok: false, error: FAULT_ENDINGS[ending], errorCode: 'fault' }
  }
  const ok = response !== undefined && response.status >= 200 && response.status < 300
  const error = failure && maskKeys(failure.error)
  return { ok, error, errorCode: failure?.code }
}

const MAX_CHARACTERS = 1000

function firstCharacters(body: Buffer | undefined): string | undefined {
  if (body === undefined || body.length === 0) return undefined
  // A character has at most four bytes in UTF-8.
  return body.toString('utf8', 0, 4 * MAX_CHARACTERS).slice(0, MAX_CHARACTERS)
}
