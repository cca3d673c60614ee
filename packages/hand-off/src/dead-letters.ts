import { callSafely, readLogger, withTimeout } from '@hongbao/core/internal'
import { fieldsOf } from './event-job.ts'
import type { WarningOptions } from './warnings.ts'

/** A job that was given up, and waits for people. */
export interface DeadLetter {
  /** What `redrive` takes. */
  readonly jobId: string
  readonly eventType: string | undefined
  readonly eventId: string | undefined
  /** The idempotency key of the event. */
  readonly key: string | undefined
  /** When the delivery arrived. */
  readonly receivedAt: Date | undefined
  /** How often it was tried. */
  readonly attempts: number
  /** Why the last try failed: code, event and place; no text of a handler's error. */
  readonly reason: string
}

/** Who is told of dead letters. */
export interface DeadLetterOptions extends Pick<WarningOptions, 'logger'> {
  /**
   * Called for every job that becomes a dead letter, by one of the workers and at least once. `cause`
   * is what its handler threw, or the error with which hongbao refused it; `undefined` if its workers
   * crashed. May be async, and should settle within five seconds; errors thrown by the hook are
   * ignored. Default: one line to `logger`, which is written in any case.
   */
  readonly onDeadLetter?: ((letter: DeadLetter, cause: unknown) => void | Promise<void>) | undefined
}

/**
 * Tells of a dead letter. Settles when `onDeadLetter` has, or has had its time: a worker that confirms
 * to its broker after that, and is killed before, tells again. Never rejects.
 */
export type Tell = (letter: DeadLetter, cause?: unknown) => Promise<void>

const MAX_HOOK_MS = 5000

export function createTell(options: DeadLetterOptions, queue: string): Tell {
  const { onDeadLetter } = options
  const logger = readLogger(options.logger)
  return async function tell(letter, cause) {
    const { attempts } = letter
    const tries = attempts === 1 ? '1 try' : `${attempts} tries`
    callSafely(() =>
      logger.error(
        `[hongbao] A job is a dead letter after ${tries}, and is kept in ${queue}: ${explain(letter)}. When the cause is gone, \`redrive\` it.`,
      ),
    )
    if (onDeadLetter === undefined) return
    const told = (async () => onDeadLetter(letter, cause))().catch(() => {})
    await withTimeout(MAX_HOOK_MS, told, () => {})
  }
}

/** The reason, and the event if that does not name it: a queue's own words of a crash do not. */
function explain(letter: DeadLetter): string {
  const subject = `(${subjectOf(letter)})`
  const reason = letter.reason.replace(/\.$/, '')
  return reason.includes(subject) ? reason : `${reason} ${subject}`
}

/** Makes a dead letter of a job, whatever its data is. */
export function deadLetter(
  data: unknown,
  job: Pick<DeadLetter, 'jobId' | 'attempts' | 'reason'>,
): DeadLetter {
  const { jobId, attempts, reason } = job
  return { jobId, ...labelsOf(data), attempts, reason }
}

type Labels = Pick<DeadLetter, 'eventType' | 'eventId' | 'key' | 'receivedAt'>

/** What can be told of the data of a job without trusting it. */
export function labelsOf(data: unknown): Labels {
  const { type, id, key, receivedAt } = fieldsOf(data)
  const received = Date.parse(labelOf(receivedAt) ?? '')
  return {
    eventType: labelOf(type),
    eventId: labelOf(id),
    key: labelOf(key),
    receivedAt: Number.isNaN(received) ? undefined : new Date(received),
  }
}

export function subjectOf({ eventType, eventId = 'without id' }: Labels): string {
  return eventType === undefined ? 'no event' : `${eventType} ${eventId}`
}

/** Types, ids, keys and times as they are written; another text may be anything. */
function labelOf(value: unknown): string | undefined {
  return typeof value === 'string' && /^[\w.:-]{1,300}$/.test(value) ? value : undefined
}
