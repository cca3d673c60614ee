import { milliseconds, withTimeout } from '@hongbao/core/internal'
import { isoTime } from '../clock/duration.ts'
import type { Engine } from './engine.ts'
import { closedError, Refusal } from '../errors.ts'
import type { Attempt, SandboxEvent } from '../events/sandbox-event.ts'

/** Selects events; all given fields must match. */
export interface EventQuery {
  readonly id?: string | undefined
  readonly type?: string | undefined
  readonly envelope?: string | undefined
  readonly orderNo?: string | undefined
  readonly status?: SandboxEvent['status'] | undefined
}

export interface WaitOptions {
  /** Wall-clock milliseconds. Default: 5,000. */
  readonly timeoutMs?: number | undefined
}

/**
 * Resolves with the first event that matches, past or future.
 *
 * @throws SandboxError `wait-timed-out`; `closed` when the engine closes
 */
export async function waitForEvent(
  engine: Engine,
  query: EventQuery,
  options: WaitOptions = {},
): Promise<SandboxEvent> {
  const { closed } = engine
  if (closed.aborted) throw closedError()
  const timeoutMs = milliseconds(options.timeoutMs ?? 5000, 'timeoutMs')
  const isMatch = createFilter(query)
  const known = engine.events().find(isMatch)
  if (known !== undefined) return known

  const { promise, resolve, reject } = Promise.withResolvers<SandboxEvent>()
  const onClosed = () => reject(closedError())
  const stopListening = engine.journal.listen((record) => {
    const event = 'event' in record ? engine.event(record.event) : undefined
    if (event !== undefined && isMatch(event)) resolve(event)
  })
  closed.addEventListener('abort', onClosed)
  try {
    return await withTimeout(timeoutMs, promise, () => {
      throw timedOut(query, timeoutMs, engine.events())
    })
  } finally {
    stopListening()
    closed.removeEventListener('abort', onClosed)
  }
}

const FIELDS = ['id', 'type', 'envelope', 'orderNo', 'status'] as const

/** @throws SandboxError `option-invalid` for an unknown field: a misspelt `order_no` would match everything */
export function createFilter(query: EventQuery): (event: SandboxEvent) => boolean {
  const unknown = Object.keys(query).find((name) => !FIELDS.some((field) => field === name))
  if (unknown !== undefined) {
    throw new Refusal('event-field-unknown', { name: unknown, names: FIELDS.join(', ') })
  }
  const given = FIELDS.filter((field) => query[field] !== undefined)
  return (event) => given.every((field) => query[field] === event[field])
}

function timedOut(query: EventQuery, timeoutMs: number, events: readonly SandboxEvent[]): Refusal {
  const given = FIELDS.filter((field) => query[field] !== undefined)
  const sought = given.map((field) => `${field} ${query[field]}`).join(', ') || 'any'
  const timeout = timeoutMs.toLocaleString('en-US')
  return new Refusal('wait-timed-out', { sought, timeout, events: list(events) })
}

const MAX_LISTED = 20

/** The latest events and their attempts, as text. */
function list(events: readonly SandboxEvent[]): string {
  if (events.length === 0) return 'There were none at all.'
  const isCut = events.length > MAX_LISTED
  const head = isCut ? `The last ${MAX_LISTED} of ${events.length} events:` : 'There were:'
  return [head, ...events.slice(-MAX_LISTED).flatMap(eventLines)].join('\n')
}

function eventLines({ id, type, orderNo = '-', status, ...rest }: SandboxEvent): string[] {
  const { nextAttemptMs, attempts } = rest
  const next = nextAttemptMs === undefined ? '' : `, next ${isoTime(nextAttemptMs)}`
  return [`  ${id}  ${type}  ${orderNo}  ${status}${next}`, ...attempts.map(attemptLine)]
}

function attemptLine({ n, kind, startedMs, ms, response, error, faults }: Attempt): string {
  const result = [response?.status, error].filter((part) => part !== undefined).join(' ')
  const fired = faults.length === 0 ? '' : `  (${faults.join(', ')})`
  return `    ${String(n).padStart(2)} ${kind}  ${isoTime(startedMs)}  ${ms} ms  ${result}${fired}`
}
