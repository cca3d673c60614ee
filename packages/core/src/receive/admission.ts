import { WebhookError } from '../reply/errors.ts'
import type { WebhookEvent } from '../events/event.ts'
import { Failure } from '../reply/failure.ts'
import type { AnyHandler, EventContext } from './handlers.ts'
import {
  BEAT_MS,
  freezesRequests,
  isFrozen,
  startHeartbeat,
  type Heartbeat,
} from '../inbox/heartbeat.ts'
import type { Inbox, WorkOptions } from '../inbox/inbox.ts'
import { withTimeout } from '../options/with-timeout.ts'

/** How an attempt to apply an event ended. */
export type AttemptResult = 'handled' | 'duplicate' | Failure

/** What is to be applied. */
export interface Job<Context extends object> {
  /** The inbox key of the event. */
  readonly key: string
  readonly event: WebhookEvent
  /** When it began, on the clock of `performance.now`. */
  readonly startedMs: number
  /** Run one after another; the first failure ends the attempt. */
  readonly handlers: readonly AnyHandler<Context>[]
  /** What handlers get, before the attempt and the inbox add theirs. */
  readonly context: Omit<EventContext, 'signal'>
  /** Told the result of handlers that had passed their deadline. */
  readonly onLate: (result: AttemptResult) => void
}

/** An attempt that is under way. Neither promise rejects. */
export interface Attempt<Context extends object> {
  readonly job: Job<Context>
  readonly progress: Progress
  /** Its result, or a failure at the deadline. */
  readonly answer: Promise<AttemptResult>
  /** Its result once the handlers have settled, however long after the deadline. */
  readonly end: Promise<AttemptResult>
  /** Only on runtimes that freeze requests: whether the one that the attempt belongs to is alive. */
  readonly heartbeat: Heartbeat | undefined
}

/** Result of `webhooks.close()`: what had not ended in time. */
export interface CloseReport {
  /** The events that were still being applied; empty if all have ended. */
  readonly running: readonly RunningEvent[]
  /**
   * Whether the inbox has stored the keys of all events that were applied. If not, an event that was
   * answered 200 may run again.
   */
  readonly inboxFlushed: boolean
}

/** An event that was still being applied when `close` returned. */
export interface RunningEvent {
  /** The key under which the inbox knows the event. */
  readonly key: string
  readonly eventType: string
  readonly eventId: string | undefined
  /** What has not ended: a handler, or the inbox, which has not confirmed the result of the handlers. */
  readonly waitsFor: 'handlers' | 'inbox'
  /** For how long, in milliseconds. */
  readonly runningMs: number
}

/** Applies events: through the inbox, under a deadline, one attempt per key at a time. */
export interface Attempts<Context extends object> {
  /** The attempt that is running for the key in this process, if one is. */
  running(key: string): Attempt<Context> | undefined
  /** Starts an attempt. */
  start(job: Job<Context>): Attempt<Context>
  /** The answer of a running attempt; undefined if its request is frozen. Then its key is free. */
  answerUnlessFrozen(attempt: Attempt<Context>): Promise<AttemptResult | undefined>
  /**
   * Waits until all handlers have settled, for `timeoutMs` at the most, and then until the inbox has
   * noted it, for as long again.
   */
  close(): Promise<CloseReport>
}

export function createAttempts<Context extends object>(
  inbox: Inbox<Context>,
  timeoutMs: number,
): Attempts<Context> {
  const underWay = new Map<string, Attempt<Context>>()
  /** What passed its deadline, until its inbox has spoken: it may be noted later than it is done. */
  const late = new Set<Attempt<Context>>()
  const isFreezing = freezesRequests()
  let emptied: PromiseWithResolvers<void> | undefined

  function start(job: Job<Context>): Attempt<Context> {
    const answer = Promise.withResolvers<AttemptResult>()
    const end = Promise.withResolvers<AttemptResult>()
    const attempt: Attempt<Context> = {
      job,
      progress: { seen: 'nothing', stop: new AbortController(), expired: false },
      answer: answer.promise,
      end: end.promise,
      heartbeat: isFreezing ? startHeartbeat() : undefined,
    }
    // Before anything runs: a handler that dispatches its own event finds itself at work.
    underWay.set(job.key, attempt)
    end.resolve(run(attempt, answer.resolve))
    return attempt
  }

  async function run(
    attempt: Attempt<Context>,
    resolve: (result: AttemptResult) => void,
  ): Promise<AttemptResult> {
    const { job, progress } = attempt
    const timer = setTimeout(() => {
      resolve(expire(progress))
      // An inbox that does not answer keeps nothing, or one lost answer of a store would block the
      // event until a restart.
      if (progress.seen === 'nothing') return leave(attempt)
      // A timeout is no failure: handlers that run keep their key.
      void progress.working?.then(() => leave(attempt))
      late.add(attempt)
    }, timeoutMs)
    const result = await settle(inbox, job, progress)
    clearTimeout(timer)
    attempt.heartbeat?.stop()
    leave(attempt)
    if (progress.expired) endLate(attempt, result)
    else resolve(result)
    return result
  }

  function leave(attempt: Attempt<Context>): void {
    const { key } = attempt.job
    if (underWay.get(key) === attempt) underWay.delete(key)
    if (underWay.size > 0) return
    emptied?.resolve()
    emptied = undefined
  }

  function endLate(attempt: Attempt<Context>, result: AttemptResult): void {
    late.delete(attempt)
    attempt.job.onLate(result)
  }

  async function answerUnlessFrozen(attempt: Attempt<Context>): Promise<AttemptResult | undefined> {
    if (await isFrozen(attempt.heartbeat)) return abandon(attempt)
    return (
      (await withTimeout(BEAT_MS, attempt.answer, () => undefined)) ?? answerUnlessFrozen(attempt)
    )
  }

  function abandon(attempt: Attempt<Context>): undefined {
    late.delete(attempt)
    leave(attempt)
  }

  async function close(): Promise<CloseReport> {
    await withTimeout(timeoutMs, emptyOut(), () => {})
    const inboxFlushed = await withTimeout(timeoutMs, noted(), () => false)
    const running = [...new Set([...underWay.values(), ...late])].map(describe)
    return { running, inboxFlushed }
  }

  async function emptyOut(): Promise<void> {
    if (underWay.size === 0) return
    emptied ??= Promise.withResolvers()
    await emptied.promise
  }

  async function noted(): Promise<boolean> {
    // Handlers that still run have had their time: nobody waits for them once more.
    const ended = [...late].filter(({ progress }) => progress.seen !== 'started')
    await Promise.all([...ended.map(({ end }) => end), remembered()])
    // What ended just now may be still to be remembered.
    return remembered()
  }

  async function remembered(): Promise<boolean> {
    try {
      await inbox.flush?.()
      return true
    } catch {
      // Somebody's own inbox: nothing more is to be had of it.
      return false
    }
  }

  return { running: (key) => underWay.get(key), start, answerUnlessFrozen, close }
}

function describe<Context extends object>({ job, progress }: Attempt<Context>): RunningEvent {
  return {
    key: job.key,
    eventType: job.event.type,
    eventId: job.event.id,
    waitsFor: progress.seen === 'started' ? 'handlers' : 'inbox',
    runningMs: Math.round(performance.now() - job.startedMs),
  }
}

/** How far an attempt got. */
interface Progress {
  seen: 'nothing' | 'started' | 'finished' | Failure
  /** Fires `context.signal`: at the deadline, or when the inbox has lost its claim. */
  readonly stop: AbortController
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

  function admitted(lent: Context, options?: WorkOptions): Promise<void> {
    // One run at a time, and none after the inbox has spoken: an inbox may try again when a run
    // has failed, and do nothing else.
    if (isOver || progress.seen === 'started') return Promise.reject(new WebhookError('inbox-busy'))
    if (options?.signal !== undefined) stopWith(options.signal, progress.stop)
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
  const fullContext = { ...lent, ...context, signal: progress.stop.signal }
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

/** Fires the signal of handlers when the inbox's own fires. Only for inboxes that have one. */
function stopWith(signal: AbortSignal, stop: AbortController): void {
  if (signal.aborted) return stop.abort(signal.reason)
  signal.addEventListener('abort', () => stop.abort(signal.reason), { once: true })
}

/** What an attempt was waiting for at its deadline. */
function expire(progress: Progress): Failure {
  progress.expired = true
  progress.stop.abort(new WebhookError('handler-timed-out'))
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
