import { WebhookError } from './errors.ts'
import type { WebhookEvent } from './event.ts'
import { Failure } from './failure.ts'
import type { Handler, HandlerContext } from './handlers.ts'
import type { Inbox } from './inbox.ts'
import { within } from './within.ts'

/** How an attempt to apply an event ended. */
export type AttemptResult = 'handled' | 'duplicate' | Failure

/** What is to be applied. */
export interface Job<Context> {
  /** The inbox key of the event. */
  readonly key: string
  readonly event: WebhookEvent
  /** Run one after another; the first failure ends the attempt. */
  readonly handlers: readonly Handler<WebhookEvent, HandlerContext & Context>[]
  /** What handlers learn, before the attempt and the inbox add theirs. */
  readonly context: Omit<HandlerContext, 'signal'>
  /** Told the result of handlers that had passed their deadline. */
  readonly onLate: (result: AttemptResult) => void
}

/** An attempt that is under way. Neither promise rejects. */
export interface Attempt {
  /** Its result, or a failure at the deadline. */
  readonly answer: Promise<AttemptResult>
  /** Its result once the handlers have settled, however long after the deadline. */
  readonly end: Promise<AttemptResult>
}

/** Applies events: through the inbox, under a deadline, one attempt per key at a time. */
export interface Attempts<Context extends object> {
  /** The attempt that is running for the key in this process, if one is. */
  running(key: string): Attempt | undefined
  /** Starts an attempt. */
  start(job: Job<Context>): Attempt
  /**
   * Resolves when all handlers that run have settled, and the inbox has noted it, or has had as long
   * for that as an attempt has.
   */
  idle(): Promise<void>
}

export function createAttempts<Context extends object>(
  inbox: Inbox<Context>,
  timeoutMs: number,
): Attempts<Context> {
  const underWay = new Map<string, Attempt>()
  /** What passed its deadline, until its inbox has spoken: it may be noted later than it is done. */
  const late = new Set<Promise<unknown>>()
  let emptied: PromiseWithResolvers<void> | undefined

  function start(job: Job<Context>): Attempt {
    const answer = Promise.withResolvers<AttemptResult>()
    const end = Promise.withResolvers<AttemptResult>()
    const attempt = { answer: answer.promise, end: end.promise }
    // Before anything runs: a handler that dispatches its own event finds itself at work.
    underWay.set(job.key, attempt)
    const ended = run(job, answer.resolve, function leave() {
      if (underWay.get(job.key) === attempt) underWay.delete(job.key)
      if (underWay.size > 0) return
      emptied?.resolve()
      emptied = undefined
    })
    end.resolve(ended)
    return attempt
  }

  async function run(
    job: Job<Context>,
    resolve: (result: AttemptResult) => void,
    leave: () => void,
  ): Promise<AttemptResult> {
    const progress: Progress = { seen: 'nothing', deadline: new AbortController(), expired: false }
    const timer = setTimeout(() => {
      resolve(expire(progress))
      // An inbox that does not answer keeps nothing, or one lost answer of a store would block the
      // event until a restart.
      if (progress.seen === 'nothing') return leave()
      // A timeout is no failure: handlers that run keep their key.
      void progress.working?.then(leave)
      late.add(settling)
      void settling.finally(() => late.delete(settling))
    }, timeoutMs)
    const settling = settle(inbox, job, progress)
    const result = await settling
    clearTimeout(timer)
    leave()
    if (progress.expired) job.onLate(result)
    else resolve(result)
    return result
  }

  async function idle(): Promise<void> {
    if (underWay.size > 0) {
      emptied ??= Promise.withResolvers()
      await emptied.promise
    }
    await within(timeoutMs, noted(), () => {})
  }

  async function noted(): Promise<void> {
    await Promise.all([...late, remembered()])
    // What ended just now may be still to be remembered.
    await remembered()
  }

  async function remembered(): Promise<void> {
    try {
      await inbox.settled?.()
    } catch {
      // Somebody's own inbox: nothing more is to be had of it.
    }
  }

  return { running: (key) => underWay.get(key), start, idle }
}

/** How far an attempt got. */
interface Progress {
  seen: 'nothing' | 'started' | 'finished' | Failure
  readonly deadline: AbortController
  expired: boolean
  /** Resolves when the handlers have settled, however. */
  working?: Promise<void>
}

/** Takes a job through the inbox. Never rejects, and never settles before its handlers. */
async function settle<Context extends object>(
  inbox: Inbox<Context>,
  job: Job<Context>,
  progress: Progress,
): Promise<AttemptResult> {
  let isOver = false

  function admitted(lent: Context): Promise<void> {
    // One run at a time, and none after the inbox has spoken: an inbox may try again when a run
    // has failed, and do nothing else.
    if (isOver || progress.seen === 'started') return Promise.reject(new WebhookError('inbox-busy'))
    const working = work(job, lent, progress)
    // Whether or not the inbox waits for it: a failed handler must not become a crash.
    progress.working = working.catch(() => {})
    return working
  }

  try {
    const admission = await inbox.admit(job.key, admitted)
    isOver = true
    // What an inbox answers is about what it has seen, so it is judged by that.
    const { seen } = progress
    await progress.working
    return judge(admission, progress.seen instanceof Failure ? progress.seen : seen)
  } catch (error) {
    isOver = true
    await progress.working
    if (progress.seen instanceof Failure) return progress.seen
    return new Failure('inbox-unavailable', undefined, { cause: error })
  }
}

/** Runs the handlers and notes how far they came. */
async function work<Context extends object>(
  { event, handlers, context }: Job<Context>,
  lent: Context,
  progress: Progress,
): Promise<void> {
  // The inbox let us in after Ping++ was told to come again: do not start what nobody waits for.
  if (progress.expired) throw new WebhookError('handler-timed-out')
  progress.seen = 'started'
  const fullContext = { ...lent, ...context, signal: progress.deadline.signal }
  try {
    for (const handler of handlers) {
      // oxlint-disable-next-line no-await-in-loop -- a later handler may rely on an earlier one
      await handler(event, fullContext)
    }
    progress.seen = 'finished'
  } catch (error) {
    const failure = new Failure('handler-failed', undefined, { cause: error })
    progress.seen = failure
    // Always an Error, whatever a handler threw: an inbox should not have to expect `undefined`.
    throw failure.toError()
  }
}

/** What an attempt was waiting for at its deadline. */
function expire(progress: Progress): Failure {
  progress.expired = true
  progress.deadline.abort(new WebhookError('handler-timed-out'))
  const { seen } = progress
  if (seen instanceof Failure) return seen
  if (seen === 'started') return new Failure('handler-timed-out')
  return new Failure('inbox-unavailable', 'It has not answered in time.')
}

/** Believes an inbox only as far as it agrees with what the handlers were seen to do. */
function judge(admission: unknown, seen: Progress['seen']): AttemptResult {
  if (seen instanceof Failure) return seen
  if (admission === 'applied' && seen === 'finished') return 'handled'
  if (admission === 'duplicate' && seen === 'nothing') return 'duplicate'
  if (admission === 'busy' && seen === 'nothing') return new Failure('inbox-busy')
  const done = seen === 'nothing' ? 'not started' : seen
  return new Failure(
    'inbox-unavailable',
    `It answered "${String(admission)}", but the handlers had ${done}.`,
  )
}
