import { ASPECTS, isWebhookFault, type Aspect } from './fault-aspect.ts'
import { createRandom } from './fault-random.ts'
import { checkRule } from './fault-rule.ts'

/** Faults of a webhook on its way to the app. Every one is fired by rule, never by accident. */
export type WebhookFaultKind =
  /** The app gets the notification, and its answer is lost: the sandbox sends again. */
  | 'answer-lost'
  /** The app gets the notification, and no answer comes in time. */
  | 'timeout'
  /** Sent `copies` times, at once or one after another. */
  | 'duplicate'
  /** Held back until another notification has been sent, or for `delayMs`. */
  | 'reorder'
  /** Sent `delayMs` late, on the sandbox's clock. */
  | 'delay'
  /** One byte of the body differs from what was signed. */
  | 'tampered-body'
  /** One character of the signature differs. */
  | 'tampered-signature'
  /** No signature header. */
  | 'missing-signature'
  /** Signed with another key. */
  | 'wrong-key'
  /** Non-ASCII text as `\uXXXX`, signed over the plain text: what a tool makes that parses and writes again. */
  | 'escaped-body'
  /** The body ends before its announced length. */
  | 'truncated-body'
  /** The body drips in, `chunkBytes` every `chunkMs`. */
  | 'slow-body'
  /** The connection is reset before the body is complete: the app never has the notification. */
  | 'connection-reset'

/** Faults of the API. */
export type ApiFaultKind =
  /** Answers `status` (default 500) in Ping++'s error dialect, and does nothing. */
  | 'api-error'
  /** Answers `latencyMs` late, on the wall clock. */
  | 'api-latency'
  /** Never answers. */
  | 'api-hang'
  /** Resets the connection before anything is done. */
  | 'api-reset'
  /** Does what was asked, then resets the connection: the answer is lost. */
  | 'api-answer-lost'
  /** The channel refuses: 402 with `code` (default `red_system_busy`); with `committed`, the envelope exists all the same. */
  | 'channel-failure'

export type FaultKind = WebhookFaultKind | ApiFaultKind

/** When a fault fires, and how. */
export interface FaultRule {
  readonly kind: FaultKind
  /** Which attempt of an event (1 is the first), or a range of them. Webhook faults alone. Default: any. */
  readonly attempt?: number | readonly [from: number, to: number] | undefined
  /** How often it fires at the most. Default: 1; `Infinity` for always. */
  readonly times?: number | undefined
  /** Event type, envelope, order number or API operation that it is for. Default: any. */
  readonly match?: FaultMatch | undefined
  /** Fires with this probability, by the sandbox's seed. Default: 1. */
  readonly probability?: number | undefined
  /** `duplicate`: how many there are in all. Default: 2. */
  readonly copies?: number | undefined
  /** `duplicate`: together, or one after another. Default: `'in-sequence'`. */
  readonly how?: 'at-once' | 'in-sequence' | undefined
  /** `delay`: how long; `reorder`: how long at the most. On the sandbox's clock. Default: 60,000. */
  readonly delayMs?: number | undefined
  /** `slow-body`: bytes at a time. Default: 64. */
  readonly chunkBytes?: number | undefined
  /** `slow-body`: wall-clock pause between them. Default: 20. */
  readonly chunkMs?: number | undefined
  /** `api-error`. Default: 500. */
  readonly status?: number | undefined
  /** `api-error`, `channel-failure`: Ping++'s error code. */
  readonly code?: string | undefined
  /** `api-error`: value of `Retry-After`, in seconds. */
  readonly retryAfterSeconds?: number | undefined
  /** `api-latency`. Default: 1,000. */
  readonly latencyMs?: number | undefined
  /** `channel-failure`: the envelope was made all the same, so sending the same order again finds it. Default: false. */
  readonly committed?: boolean | undefined
}

/** What a rule may be narrowed to. */
export interface FaultMatch {
  readonly type?: string | undefined
  /** `red_…` */
  readonly envelope?: string | undefined
  readonly orderNo?: string | undefined
  readonly operation?: ApiOperation | undefined
}

/** What can be asked of the API. */
export type ApiOperation = 'create' | 'retrieve' | 'list' | 'retrieve-event'

/** A rule that was added. */
export interface ActiveFault extends FaultRule {
  /** `fault_1`, `fault_2`, … */
  readonly id: string
  /** How often it has fired. */
  readonly fired: number
}

/**
 * The faults in force. Rules are tried in the order in which they were added; of those that concern
 * the same thing (the signature, say, or how the exchange ends) one fires at a time, and the others
 * wait for their turn.
 */
export interface Faults {
  /** @throws SandboxError `fault-invalid` for an unknown kind or a wrong number */
  add(kind: FaultKind, rule?: Omit<FaultRule, 'kind'>): ActiveFault
  list(): readonly ActiveFault[]
  remove(id: string): boolean
  /** Removes all, and starts the random numbers from the seed again. */
  clear(): void
}

/** What is asked of the faults by those who let them happen: which fire now. Asking counts as firing. */
export interface FaultSource extends Faults {
  takeForAttempt(attempt: FaultyAttempt): readonly ActiveFault[]
  takeForRequest(request: FaultyRequest): readonly ActiveFault[]
}

/** An attempt that is to be made. */
export interface FaultyAttempt {
  /** `evt_…` */
  readonly id: string
  readonly n: number
  readonly type: string
  readonly envelope: string | undefined
  readonly orderNo: string | undefined
}

/** A request that is to be carried out. */
export interface FaultyRequest {
  readonly operation: ApiOperation
  readonly envelope: string | undefined
  readonly orderNo: string | undefined
}

/**
 * @param seed what random faults go by
 * @param onFired told of every fault that fires, with the event's id or the API operation
 */
export function createFaults(
  seed: number,
  onFired: (fault: ActiveFault, subject: string) => void,
): FaultSource {
  let random = createRandom(seed)
  let active: Rule[] = []
  let added = 0

  function add(kind: FaultKind, rule: Omit<FaultRule, 'kind'> = {}): ActiveFault {
    checkRule(kind, rule)
    added += 1
    const fault: Rule = { id: `fault_${added}`, given: { ...rule, kind }, fired: 0 }
    active.push(fault)
    return show(fault)
  }

  /** Those that fire now, one of each aspect; from then on they count as fired. */
  function take(subject: string, isMeant: (rule: FaultRule) => boolean): readonly ActiveFault[] {
    if (active.length === 0) return NONE
    const taken = new Map<Aspect, Rule>()
    for (const fault of active) {
      const aspect = ASPECTS[fault.given.kind]
      if (taken.has(aspect) || isSpent(fault) || !isMeant(fault.given) || !draw(fault)) continue
      fault.fired += 1
      taken.set(aspect, fault)
    }
    const fired = Array.from(taken.values(), show)
    for (const fault of fired) onFired(fault, subject)
    return fired
  }

  /** The last question, so that the random numbers go to those alone whose turn it is. */
  function draw({ given: { probability = 1 } }: Rule): boolean {
    return probability === 1 || random() < probability
  }

  return {
    add,
    list: () => active.map(show),
    remove(id) {
      const before = active.length
      active = active.filter((fault) => fault.id !== id)
      return active.length < before
    },
    clear() {
      active = []
      random = createRandom(seed)
    },
    takeForAttempt: (attempt) => take(attempt.id, (rule) => isOfAttempt(rule, attempt)),
    takeForRequest: (request) => take(request.operation, (rule) => isOfRequest(rule, request)),
  }
}

interface Rule {
  readonly id: string
  readonly given: FaultRule
  fired: number
}

const NONE: readonly ActiveFault[] = []

function show({ id, given, fired }: Rule): ActiveFault {
  return { ...given, id, fired }
}

function isSpent({ given: { times = 1 }, fired }: Rule): boolean {
  return fired >= times
}

function isOfAttempt(rule: FaultRule, attempt: FaultyAttempt): boolean {
  return (
    isWebhookFault(rule.kind) &&
    isInRange(attempt.n, rule.attempt) &&
    rule.match?.operation === undefined &&
    (rule.match?.type ?? attempt.type) === attempt.type &&
    isOfEnvelope(rule, attempt)
  )
}

function isOfRequest(rule: FaultRule, request: FaultyRequest): boolean {
  // No other request reaches the channel, which is WeChat.
  if (rule.kind === 'channel-failure' && request.operation !== 'create') return false
  return (
    !isWebhookFault(rule.kind) &&
    rule.match?.type === undefined &&
    (rule.match?.operation ?? request.operation) === request.operation &&
    isOfEnvelope(rule, request)
  )
}

function isOfEnvelope({ match }: FaultRule, subject: FaultyAttempt | FaultyRequest): boolean {
  return (
    (match?.envelope ?? subject.envelope) === subject.envelope &&
    (match?.orderNo ?? subject.orderNo) === subject.orderNo
  )
}

function isInRange(n: number, range: FaultRule['attempt']): boolean {
  if (range === undefined) return true
  if (typeof range === 'number') return n === range
  return n >= range[0] && n <= range[1]
}
