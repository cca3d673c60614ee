import { milliseconds } from '@hongbao/core/internal'
import type { Engine } from './engine.ts'
import { SandboxError } from '../errors.ts'
import type { Attempt, SandboxEvent } from './sandbox-event.ts'

/** Which events are meant; all that is given must match. */
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

/** Waits for events. */
export interface Waits {
  /** Resolves with the first event that matches, be it past or to come. */
  waitFor(query: EventQuery, options?: WaitOptions): Promise<SandboxEvent>
  /** Ends all waits, which reject with `closed`. */
  close(): void
}

export function createWaits(engine: Engine): Waits {
  const waiting = new Set<(error: SandboxError) => void>()
  let isClosed = false

  async function waitFor(query: EventQuery, options: WaitOptions = {}): Promise<SandboxEvent> {
    if (isClosed) throw closed()
    const timeoutMs = milliseconds(options.timeoutMs ?? 5000, 'timeoutMs')
    const isMeant = createFilter(query)
    const known = engine.events().find(isMeant)
    if (known !== undefined) return known

    const { promise, resolve, reject } = Promise.withResolvers<SandboxEvent>()
    const timer = setTimeout(() => reject(tooLate(query, timeoutMs, engine.events())), timeoutMs)
    const stopWatching = engine.watch((event) => {
      if (isMeant(event)) resolve(event)
    })
    waiting.add(reject)
    try {
      return await promise
    } finally {
      clearTimeout(timer)
      stopWatching()
      waiting.delete(reject)
    }
  }

  return {
    waitFor,
    close() {
      isClosed = true
      for (const reject of waiting) reject(closed())
    },
  }
}

function closed(): SandboxError {
  return new SandboxError('closed', 'The sandbox is closed.')
}

const FIELDS = ['id', 'type', 'envelope', 'orderNo', 'status'] as const

/**
 * Makes what tells whether an event is one of those meant.
 *
 * @throws SandboxError `option-invalid` for an unknown field: a misspelt `order_no` would match everything
 */
export function createFilter(query: EventQuery): (event: SandboxEvent) => boolean {
  const unknown = Object.keys(query).find((name) => !FIELDS.some((field) => field === name))
  if (unknown !== undefined) {
    throw new SandboxError(
      'option-invalid',
      `\`${unknown}\` is nothing that events are looked for by. There are: ${FIELDS.join(', ')}.`,
    )
  }
  const given = FIELDS.filter((field) => query[field] !== undefined)
  return (event) => given.every((field) => query[field] === event[field])
}

function tooLate(
  query: EventQuery,
  timeoutMs: number,
  events: readonly SandboxEvent[],
): SandboxError {
  const sought = FIELDS.filter((field) => query[field] !== undefined)
    .map((field) => `${field} ${query[field]}`)
    .join(', ')
  const within = `within ${timeoutMs.toLocaleString('en-US')} ms`
  return new SandboxError(
    'wait-timed-out',
    `No event (${sought === '' ? 'any' : sought}) came ${within}. ${describe(events)}`,
  )
}

const MAX_DESCRIBED = 20

/** What did happen: the events of late, with their attempts. */
function describe(events: readonly SandboxEvent[]): string {
  if (events.length === 0) return 'There were none at all.'
  const shown = events.slice(-MAX_DESCRIBED).map(describeEvent)
  const isCut = events.length > MAX_DESCRIBED
  const head = isCut ? `The last ${MAX_DESCRIBED} of ${events.length} events:` : 'There were:'
  return [head, ...shown].join('\n')
}

function describeEvent({
  id,
  type,
  orderNo,
  status,
  nextAttemptMs,
  attempts,
}: SandboxEvent): string {
  const next = nextAttemptMs === undefined ? '' : `, next ${new Date(nextAttemptMs).toISOString()}`
  const head = `  ${id}  ${type}  ${orderNo ?? '-'}  ${status}${next}`
  return [head, ...attempts.map(describeAttempt)].join('\n')
}

function describeAttempt({ n, kind, startedMs, ms, response, error, faults }: Attempt): string {
  const result = [response?.status, error].filter((part) => part !== undefined).join(' ')
  const fired = faults.length === 0 ? '' : `  (${faults.join(', ')})`
  const number = String(n).padStart(2)
  return `    ${number} ${kind}  ${new Date(startedMs).toISOString()}  ${ms} ms  ${result}${fired}`
}
