import type { Logger } from '@hongbao/core'
import { logLine, originFields, withTimeout } from '@hongbao/core/internal'
import { fieldsOf } from './event-job.ts'

/** A job that failed for good and is kept until it is redriven. */
export interface DeadLetter {
  /** The id for `redrive`. */
  readonly jobId: string
  readonly eventType: string | undefined
  readonly eventId: string | undefined
  /** The idempotency key of the event. */
  readonly key: string | undefined
  /** When the delivery arrived. */
  readonly receivedAt: Date | undefined
  /** How often it was tried. */
  readonly attempts: number
  /** Why the last try failed: code, event and place, without the message of a handler's error. */
  readonly reason: string
}

/**
 * Reports a dead letter to the log and to `onDeadLetter`, and waits up to five seconds for the hook.
 * Never rejects. Workers acknowledge to the broker after this: if a worker is killed before, the next
 * one reports again.
 */
export type ReportDeadLetter = (letter: DeadLetter, cause?: unknown) => Promise<void>

const MAX_HOOK_MS = 5000

/** The hooks that get a dead letter. */
interface DeadLetterHooks {
  readonly onDeadLetter: ((letter: DeadLetter, cause: unknown) => unknown) | undefined
  readonly logger: Logger
}

export function createReport(
  { onDeadLetter, logger }: DeadLetterHooks,
  queue: string,
): ReportDeadLetter {
  return async function report(letter, cause) {
    const { jobId, eventType, eventId, key, attempts } = letter
    const about = { queue, jobId, eventType, eventId, key, attempts }
    const fields = { code: 'dead-letter', ...about, ...originFields(cause) }
    logLine(logger, 'error', lineOf(letter, queue), fields)
    if (onDeadLetter === undefined) return
    const reported = (async () => onDeadLetter(letter, cause))().catch(() => {})
    await withTimeout(MAX_HOOK_MS, reported, () => {})
  }
}

function lineOf(letter: DeadLetter, queue: string): string {
  const { attempts } = letter
  const tries = attempts === 1 ? '1 try' : `${attempts} tries`
  // A broker's own reason, such as that of a crash, does not name the event.
  const subject = ` (${nameOf(letter)})`
  const reason = letter.reason.replace(/\.$/, '')
  const why = reason.includes(subject) ? reason : reason + subject
  return `[hongbao] A job is a dead letter after ${tries}, and is kept in ${queue}: ${why}. When the cause is fixed, \`redrive\` it.`
}

/** Makes a dead letter of a job, whatever its data is. */
export function deadLetter(
  data: unknown,
  { jobId, attempts, reason }: Pick<DeadLetter, 'jobId' | 'attempts' | 'reason'>,
): DeadLetter {
  return { jobId, ...labelsOf(data), attempts, reason }
}

/** The event of a job for log lines, whatever its data is. */
export function subjectOf(data: unknown): string {
  return nameOf(labelsOf(data))
}

function nameOf({ eventType, eventId = 'without id' }: Labels): string {
  return eventType === undefined ? 'no event' : `${eventType} ${eventId}`
}

type Labels = Pick<DeadLetter, 'eventType' | 'eventId' | 'key' | 'receivedAt'>

function labelsOf(data: unknown): Labels {
  const { type, id, key, receivedAt } = fieldsOf(data)
  const received = Date.parse(labelOf(receivedAt) ?? '')
  return {
    eventType: labelOf(type),
    eventId: labelOf(id),
    key: labelOf(key),
    receivedAt: Number.isNaN(received) ? undefined : new Date(received),
  }
}

/** Only what looks like a type, an id, a key or a time: the data is not verified. */
function labelOf(value: unknown): string | undefined {
  return typeof value === 'string' && /^[\w.:-]{1,300}$/.test(value) ? value : undefined
}
