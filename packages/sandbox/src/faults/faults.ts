import {
  ASPECTS,
  isWebhookFault,
  type ApiOperation,
  type FaultKind,
  type FaultMatch,
  type FaultRule,
} from './fault-kind.ts'
import type { SandboxEvent } from '../events/sandbox-event.ts'
import { checkRule } from './fault-rule.ts'

/** A rule that was added. */
export interface ActiveFault extends FaultRule {
  /** `fault_1`, `fault_2`, … */
  readonly id: string
  /** How often it has fired. */
  readonly fired: number
}

/**
 * The faults in force. Rules are tried in the order in which they were added. Of those that change
 * the same thing (the signature, for example, or how the exchange ends) one fires at a time.
 */
export interface Faults {
  /** @throws SandboxError `fault-invalid` for an unknown kind or an invalid field */
  add(kind: FaultKind, rule?: Omit<FaultRule, 'kind'>): ActiveFault
  /** Those that were added and not removed, also if they have fired as often as they may. */
  list(): readonly ActiveFault[]
  remove(id: string): boolean
  /** Removes all, and starts the random numbers from the seed again. */
  clear(): void
}

/** Returns the faults that fire now, and counts them as fired. */
export interface FaultSource extends Faults {
  /** Takes up the faults of an earlier process. */
  restore(faults: readonly ActiveFault[]): void
  takeForAttempt(event: FaultyEvent, n: number): readonly ActiveFault[]
  takeForRequest(request: FaultyRequest): readonly ActiveFault[]
}

type FaultyEvent = Pick<SandboxEvent, 'id' | 'type' | 'envelope' | 'orderNo'>

export interface FaultyRequest extends Partial<Pick<SandboxEvent, 'envelope' | 'orderNo'>> {
  readonly operation: ApiOperation
}

/**
 * @param seed of the random numbers
 * @param onFired called with every fault that fires, and the event's id or the API operation
 * @param onChanged called with all faults when one was added, has fired or was removed
 */
export function createFaults(
  seed: number,
  onFired: (fault: ActiveFault, subject: string) => void,
  onChanged: (faults: readonly ActiveFault[]) => void = () => {},
): FaultSource {
  let random = createRandom(seed)
  let active: readonly ActiveFault[] = []
  let added = 0

  function set(faults: readonly ActiveFault[]): void {
    active = faults
    onChanged(active)
  }

  /** The faults that fire now, one of each aspect. */
  function take(subject: string, isMatch: (rule: FaultRule) => boolean): readonly ActiveFault[] {
    if (active.length === 0) return []
    const taken = new Map<string, ActiveFault>()
    active = active.map((fault) => {
      const aspect = ASPECTS[fault.kind]
      if (taken.has(aspect) || isSpent(fault) || !isMatch(fault)) return fault
      // Drawn last, so that other rules do not change which random number this one gets.
      const { probability = 1 } = fault
      if (probability < 1 && random() >= probability) return fault
      const fired = { ...fault, fired: fault.fired + 1 }
      taken.set(aspect, fired)
      return fired
    })
    const fired = [...taken.values()]
    for (const fault of fired) onFired(fault, subject)
    if (fired.length > 0) onChanged(active)
    return fired
  }

  return {
    add(kind, rule = {}) {
      checkRule(kind, rule)
      added += 1
      const fault: ActiveFault = { ...rule, kind, id: `fault_${added}`, fired: 0 }
      set([...active, fault])
      return fault
    },
    list: () => [...active],
    remove(id) {
      const before = active.length
      set(active.filter((fault) => fault.id !== id))
      return active.length < before
    },
    clear() {
      if (active.length > 0) set([])
      random = createRandom(seed)
    },
    restore(faults) {
      active = faults
      added = Math.max(0, ...faults.map(({ id }) => Number(id.replace('fault_', ''))))
    },
    takeForAttempt: (event, n) => take(event.id, (rule) => isOfAttempt(rule, event, n)),
    takeForRequest: (request) => take(request.operation, (rule) => isOfRequest(rule, request)),
  }
}

function isOfAttempt({ kind, attempt, match }: FaultRule, event: FaultyEvent, n: number): boolean {
  const isInRange = attempt === undefined || rangeOf(attempt).includes(n)
  return isWebhookFault(kind) && isInRange && matches(match, event)
}

function isOfRequest({ kind, match }: FaultRule, request: FaultyRequest): boolean {
  // No other request reaches the channel, which is WeChat.
  if (kind === 'channel-failure' && request.operation !== 'create') return false
  return !isWebhookFault(kind) && matches(match, request)
}

/** Whether a fault has fired as often as it may: by default once, or once for each attempt of its range. */
export function isSpent({ attempt = 1, times, fired }: ActiveFault): boolean {
  return fired >= (times ?? rangeOf(attempt).length)
}

function rangeOf(attempt: NonNullable<FaultRule['attempt']>): readonly number[] {
  const [from = 1, to = from] = [attempt].flat()
  return Array.from({ length: to - from + 1 }, (_, index) => from + index)
}

/** Whether a fault is for an event or a request. */
function matches(match: FaultMatch = {}, subject: FaultyEvent | FaultyRequest): boolean {
  const fields = Object.entries(match)
  return fields.every(
    ([name, value]) => value === undefined || value === Reflect.get(subject, name),
  )
}

/** Random numbers from 0 up to, but not including, 1; the same for the same seed (mulberry32). */
function createRandom(seed: number): () => number {
  let state = Math.trunc(seed)

  return function random() {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
}
