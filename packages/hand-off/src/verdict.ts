import { InboxError, WebhookError, type DispatchResult, type Webhooks } from '@hongbao/core'
import { ERRORS, originOf, withTimeout } from '@hongbao/core/internal'
import { labelsOf, subjectOf } from './dead-letters.ts'
import { unpackEvent, type Reading } from './event-job.ts'

/**
 * What becomes of a job.
 *
 * - `done`: acknowledge it; a broker that can, remembers its key for a while.
 * - `again`: another try, after a pause.
 * - `dead`: a dead letter: another try would end the same way.
 */
export type JobFate = 'done' | 'again' | 'dead'

/** How a job went. */
export interface JobVerdict {
  readonly fate: JobFate
  /** `handled`, `duplicate`, `unhandled`, or the code of the error. */
  readonly outcome: string
  /** For people who look into the queue: code, event and place; no text of a handler's error. */
  readonly reason: string
  /** What a handler or the inbox threw, as it was thrown; or the error with which the job was refused. */
  readonly cause: unknown
}

/** How a worker applies jobs. */
export interface JobRules extends Reading {
  /** How long a job is held, its handlers past their deadline, before it is tried again. */
  readonly timeoutMs: number
  /** Called when the handlers pass their deadline. */
  readonly onLate?: (() => void) | undefined
}

/** Those of errors of a handler, a store or this process. An error of the queue is of the job, and stays. */
const FATES: Readonly<Record<string, { readonly job: JobFate } | undefined>> = ERRORS

/**
 * Applies the event of a job through a receiver: its keys, its inbox, its handlers. Handlers that pass
 * their deadline are waited for, so that the queue holds the job and it does not run twice at a time.
 * Never rejects.
 */
export async function applyJob(
  webhooks: Pick<Webhooks, 'dispatch'>,
  data: unknown,
  rules: JobRules,
): Promise<JobVerdict> {
  const applied = apply(webhooks, data, rules)
  return judge(data, await withTimeout(rules.timeoutMs, applied, timedOut))
}

function timedOut(): DispatchResult | Refusal {
  return { error: new WebhookError('handler-timed-out') }
}

/** A job that is not applied. */
interface Refusal {
  readonly error: WebhookError | InboxError
}

async function apply(
  webhooks: Pick<Webhooks, 'dispatch'>,
  data: unknown,
  rules: JobRules,
): Promise<DispatchResult | Refusal> {
  try {
    const { event, how } = await unpackEvent(data, rules)
    const result = await webhooks.dispatch(event, how)
    if (!('finalResult' in result) || result.finalResult === undefined) return result
    rules.onLate?.()
    return await result.finalResult
  } catch (error) {
    if (error instanceof WebhookError || error instanceof InboxError) return { error }
    return { error: new WebhookError('internal-error', undefined, { cause: error }) }
  }
}

function judge(data: unknown, result: DispatchResult | Refusal): JobVerdict {
  const subject = `(${subjectOf(labelsOf(data))})`
  const error = 'error' in result ? result.error : undefined
  if (error === undefined) {
    const outcome = 'outcome' in result ? result.outcome : 'handled'
    return { fate: 'done', outcome, reason: `${outcome} ${subject}`, cause: undefined }
  }
  const origin = 'cause' in error ? originOf(error.cause) : ''
  return {
    fate: FATES[error.code]?.job ?? 'dead',
    outcome: error.code,
    reason: `${error.code} ${subject}${detailOf(error)}${origin}`,
    cause: 'cause' in error ? error.cause : error,
  }
}

function detailOf(error: WebhookError | InboxError): string {
  const detail = error instanceof WebhookError ? error.detail : error.message
  return detail === undefined ? '' : `: ${detail}`
}
