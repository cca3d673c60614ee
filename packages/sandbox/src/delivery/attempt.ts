import type { Clock } from '../engine/clock.ts'
import type { AttemptPlan } from '../faults/fault-plan.ts'
import type { AttemptKind, Journal } from '../engine/journal.ts'
import type { Attempt, AttemptErrorCode } from '../engine/sandbox-event.ts'
import { ATTEMPTS } from './schedule.ts'
import type { Post, Posting, PostResult, Sender } from './sender.ts'

/** What is to be posted, and as what. */
export interface AttemptOrder {
  readonly event: string
  readonly eventType: string
  readonly n: number
  readonly kind: AttemptKind
  readonly plan: AttemptPlan
}

/** How an attempt ended: with a 2xx that counts, without one, or because nobody waits for it any more. */
export type AttemptOutcome = 'received' | 'failed' | 'given-up'

type RecordAttempt = (attempt: Attempt) => void

/** Posts to the app and tells the journal. */
export interface Attempts {
  /** Makes an attempt, as often as its plan says, and gives each post to `record` as it ends. Never rejects. */
  make(order: AttemptOrder, sender: Sender, record: RecordAttempt): Promise<AttemptOutcome>
  /** Ends all that is on its way. Nothing of it is recorded. */
  giveUp(): void
}

export function createAttempts(
  clock: Clock,
  journal: Journal,
  responseTimeoutMs: number,
): Attempts {
  const onTheirWay = new Set<Posting>()
  /** Becomes another one when all is given up: who finds that it has, stops without a trace. */
  let era = Symbol('era')

  async function make(
    order: AttemptOrder,
    sender: Sender,
    record: RecordAttempt,
  ): Promise<AttemptOutcome> {
    const { copies, atOnce } = order.plan
    const duplicate: AttemptOrder = { ...order, kind: 'duplicate' }
    const orders = [order, ...Array.from({ length: copies - 1 }, () => duplicate)]
    const startedIn = era
    let isReceived = false
    if (atOnce) {
      const received = await Promise.all(orders.map((each) => post(each, sender, record)))
      isReceived = received.includes(true)
    } else {
      for (const each of orders) {
        // oxlint-disable-next-line no-await-in-loop -- one after another is what is asked for
        if (era === startedIn && (await post(each, sender, record))) isReceived = true
      }
    }
    if (era !== startedIn) return 'given-up'
    // One copy that was received is enough.
    return isReceived ? 'received' : 'failed'
  }

  /** Tells whether it was received. */
  async function post(
    order: AttemptOrder,
    sender: Sender,
    record: RecordAttempt,
  ): Promise<boolean> {
    const { event, eventType, n, kind, plan } = order
    const head = { event, eventType, n, of: ATTEMPTS, kind, faults: namesOf(plan) }
    journal.write({ type: 'attempt.started', ...head })
    const startedIn = era
    const startedMs = clock.now()
    const started = performance.now()
    const posting = sender.post(postOf(plan, responseTimeoutMs))
    onTheirWay.add(posting)
    const result = await posting.result
    onTheirWay.delete(posting)
    if (era !== startedIn) return false

    const ms = Math.round(performance.now() - started)
    const attempt = { n, kind, startedMs, ms, ...judge(result, plan), faults: plan.faults }
    record(attempt)
    const { ok, error, errorCode, response } = attempt
    const { status } = response ?? {}
    const body = firstCharacters(response?.body)
    journal.write({ type: 'attempt.finished', ...head, ok, ms, status, error, errorCode, body })
    return ok
  }

  return {
    make,
    giveUp() {
      era = Symbol('era')
      for (const posting of onTheirWay) posting.giveUp()
    },
  }
}

function postOf({ body, headers, drip, ending }: AttemptPlan, timeoutMs: number): Post {
  const bodyEnds = ending === 'cut' || ending === 'reset' ? ending : 'whole'
  return { body, headers, drip, bodyEnds, timeoutMs }
}

/** How a fault ended an attempt → what to say of it. */
const FAULT_ENDINGS: Readonly<Record<Exclude<AttemptPlan['ending'], 'answered'>, string>> = {
  lost: 'The app answered, and a fault lost the answer.',
  late: 'The app answered, and by a fault the answer came too late.',
  cut: 'A fault closed the connection in the middle of the body.',
  reset: 'A fault reset the connection in the middle of the body.',
}

/** No fault gets as far as to matter when these happen. */
const BEFORE_FAULTS: ReadonlySet<AttemptErrorCode> = new Set([
  'connection-refused',
  'dns',
  'target-remote',
  'tls',
])

/** Only a 2xx counts (guide, step 4), and only if its answer came. */
function judge(
  result: PostResult,
  { ending }: AttemptPlan,
): Pick<Attempt, 'ok' | 'response' | 'error' | 'errorCode'> {
  const response = 'response' in result ? result.response : undefined
  const failure = 'code' in result ? result : undefined
  if (ending !== 'answered' && (failure === undefined || !BEFORE_FAULTS.has(failure.code))) {
    return { ok: false, response, error: FAULT_ENDINGS[ending], errorCode: 'fault' }
  }
  const ok = response !== undefined && response.status >= 200 && response.status < 300
  return { ok, response, error: failure?.error, errorCode: failure?.code }
}

function namesOf({ faults }: AttemptPlan): readonly string[] | undefined {
  return faults.length === 0 ? undefined : faults
}

const MAX_TOLD_CHARACTERS = 1000

function firstCharacters(body: Buffer | undefined): string | undefined {
  if (body === undefined || body.length === 0) return undefined
  // No character of UTF-8 is longer than four bytes.
  return body.toString('utf8', 0, 4 * MAX_TOLD_CHARACTERS).slice(0, MAX_TOLD_CHARACTERS)
}
