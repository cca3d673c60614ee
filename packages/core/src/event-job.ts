import type { DispatchResult } from './dispatch-result.ts'
import { ERRORS, type JobFate, WebhookError, type WebhookOutcome } from './errors.ts'
import { Failure } from './failure.ts'
import { fieldsOf, unpackEvent } from './hand-off.ts'
import { contain, originOf, type Logger } from './log.ts'
import { readLogger } from './option-checks.ts'
import type { Webhooks } from './webhooks.ts'
import { within } from './within.ts'

/** How a job went. */
export interface JobVerdict {
  readonly fate: JobFate
  readonly outcome: WebhookOutcome
  /** For whoever looks into the queue: code, event and place; no text of a handler's error. */
  readonly reason: string
  /** What a handler or the inbox threw, as it was thrown. */
  readonly cause: unknown
}

/** How a worker applies jobs. */
export interface JobRules {
  /** Names the queue, in the same words as in `packEvent`. */
  readonly queue: string
  readonly unhandled: 'accept' | 'fail'
  /** How long a job is held, its handlers past their deadline, before it is tried again. */
  readonly timeoutMs: number
  /** Called when the handlers pass their deadline. */
  readonly onLate?: (() => void) | undefined
}

/**
 * Applies the event of a job through a receiver: its inbox, its handlers. Handlers that pass their
 * deadline are waited for, so that the queue holds the job and nobody runs it beside itself.
 * Never rejects.
 */
export async function applyJob(
  webhooks: Pick<Webhooks, 'dispatch'>,
  data: unknown,
  rules: JobRules,
): Promise<JobVerdict> {
  const unpacked = unpackEvent(data, rules.queue)
  if (unpacked instanceof Failure) return judge(data, rules, failedResult(unpacked))
  const { event, how } = unpacked
  const applied = webhooks.dispatch(event, how).then((result) => {
    if (!('finalResult' in result) || result.finalResult === undefined) return result
    rules.onLate?.()
    return result.finalResult
  })
  const timedOut = (): DispatchResult => failedResult(new Failure('handler-timed-out'))
  return judge(data, rules, await within(rules.timeoutMs, applied, timedOut))
}

function failedResult(failure: Failure): DispatchResult {
  return { outcome: failure.outcome, error: failure.toError() }
}

function judge(data: unknown, rules: JobRules, result: DispatchResult): JobVerdict {
  const subject = `(${subjectOf(labelsOf(data))})`
  const { outcome } = result
  if ('error' in result) return { outcome, ...verdictOn(result.error, subject) }
  if (outcome === 'unhandled' && rules.unhandled === 'fail') {
    return { outcome: 'failed', ...verdictOn(new WebhookError('no-handler'), subject) }
  }
  return { fate: 'done', outcome, reason: `${outcome} ${subject}`, cause: undefined }
}

function verdictOn(error: WebhookError, subject: string): Omit<JobVerdict, 'outcome'> {
  const { code, detail, cause } = error
  const origin = 'cause' in error ? originOf(cause) : ''
  const because = detail === undefined ? '' : `: ${detail}`
  return { fate: ERRORS[code].job, reason: `${code} ${subject}${because}${origin}`, cause }
}

/** An event that failed for good, and waits for people. */
export interface FailedEvent {
  /** What `redrive` takes. */
  readonly jobId: string
  readonly eventType: string | undefined
  readonly eventId: string | undefined
  /** The key under which the inbox knows the event. */
  readonly inboxKey: string | undefined
  /** When the delivery arrived. */
  readonly receivedAt: Date | undefined
  /** How often it was tried. */
  readonly attempts: number
  /** Why the last try failed: code, event and place. */
  readonly reason: string
}

/** Where a worker says that an event failed for good. */
export interface AlarmOptions {
  /**
   * Told of every event that failed for good, by one of the workers and at least once, with what its
   * handler threw last; `undefined` if its workers crashed. Wake somebody. May be async, and should
   * settle within five seconds; what it throws is ignored. Default: nobody, the log aside.
   */
  readonly onFailed?: ((failed: FailedEvent, cause: unknown) => void | Promise<void>) | undefined
  /** Where the same is told in one line, and what the queue complains of. `false` for nowhere. Default: `console`. */
  readonly logger?: Logger | false | undefined
}

/**
 * Says that an event failed for good. Settles when `onFailed` has, or has had its time: a worker that
 * tells its queue after that, and is killed before, tells again. Never rejects.
 */
export type Alarm = (failed: FailedEvent, cause: unknown) => Promise<void>

const MAX_ALARM_MS = 5000

export function createAlarm(options: AlarmOptions, queue: string): Alarm {
  const { onFailed } = options
  const logger = readLogger(options.logger)
  return async function raise(failed, cause) {
    const { attempts } = failed
    const tries = attempts === 1 ? '1 try' : `${attempts} tries`
    contain(() =>
      logger.error(
        `[hongbao] An event failed for good after ${tries}, and is kept in ${queue}: ${explain(failed)}. When the cause is gone, \`redrive\` it.`,
      ),
    )
    if (onFailed === undefined) return
    const told = (async () => onFailed(failed, cause))().catch(() => {})
    await within(MAX_ALARM_MS, told, () => {})
  }
}

/** The reason, and the event where that does not name it: a queue's own words of a crash do not. */
function explain(failed: FailedEvent): string {
  const subject = `(${subjectOf(failed)})`
  const reason = failed.reason.replace(/\.$/, '')
  return reason.includes(subject) ? reason : `${reason} ${subject}`
}

/** Tells of a job that failed for good, whatever its data is. */
export function failedEvent(
  data: unknown,
  job: Pick<FailedEvent, 'jobId' | 'attempts' | 'reason'>,
): FailedEvent {
  const { jobId, attempts, reason } = job
  return { jobId, ...labelsOf(data), attempts, reason }
}

type Labels = Pick<FailedEvent, 'eventType' | 'eventId' | 'inboxKey' | 'receivedAt'>

/** What can be told of the data of a job without trusting it. */
function labelsOf(data: unknown): Labels {
  const { type, id, key, receivedAt } = fieldsOf(data)
  const received = Date.parse(labelOf(receivedAt) ?? '')
  return {
    eventType: labelOf(type),
    eventId: labelOf(id),
    inboxKey: labelOf(key),
    receivedAt: Number.isNaN(received) ? undefined : new Date(received),
  }
}

function subjectOf({ eventType, eventId = 'without id' }: Labels): string {
  return eventType === undefined ? 'no event' : `${eventType} ${eventId}`
}

/** Types, ids, keys and times as they are written; another text may be anything. */
function labelOf(value: unknown): string | undefined {
  return typeof value === 'string' && /^[\w.:-]{1,300}$/.test(value) ? value : undefined
}
