import type { WebhookEvent } from '../events/event.ts'
import {
  BEAT_MS,
  freezesRequests,
  isFrozen,
  startHeartbeat,
  type Heartbeat,
} from '../inbox/heartbeat.ts'
import type { Inbox, InboxWorkOptions } from '../inbox/inbox.ts'
import { withTimeout } from '../options/with-timeout.ts'
import { copyOf, createFailure, WebhookError } from '../reply/errors.ts'
import type { AnyHandler, EventContext } from './handlers.ts'

/** How an execution ended. */
export type ExecutionResult = 'handled' | 'duplicate' | WebhookError

/** An event and what to run for it. */
export interface Work<Context extends object> {
  /** The key under which the inbox knows the event. */
  readonly key: string
  readonly event: WebhookEvent
  /** When the work began, on the clock of `performance.now`. */
  readonly startedMs: number
  /** How long the host waits for the answer. */
  readonly leftMs: number
  /** Run one after another; the first failure ends the execution. */
  readonly handlers: readonly AnyHandler<Context>[]
  /**
   * Whether it begins in a later turn: an app may call `dispatch` in a synchronous transaction, which could
   * be rolled back after the handlers have run, and a handler may dispatch an event whose handler does.
   */
  readonly startsLater: boolean
  /** What handlers get, without the signal and what the inbox lends. */
  readonly context: Omit<EventContext, 'signal'>
}

/** An event that is being applied. Neither of its promises rejects. */
export interface Execution<Context extends object> {
  readonly work: Work<Context>
  /** How far the handlers are; the error if one failed. */
  state: 'not started' | 'started' | 'finished' | WebhookError
  /** Settles when the handlers do; undefined until the inbox admits the event. */
  handling: Promise<void> | undefined
  /** Fires `context.signal`: at the deadline, or when the inbox has lost its claim. */
  readonly stop: AbortController
  isLate: boolean
  /** Only on runtimes that freeze requests: whether the request of this execution is alive. */
  readonly heartbeat: Heartbeat | undefined
  /** The result, or a failure at the deadline. */
  readonly answer: Promise<ExecutionResult>
  /** The result after the handlers have settled, however long after the deadline. */
  end: Promise<ExecutionResult>
}

/** Applies events through an inbox, under a deadline, one execution per key at a time. */
export interface Admission<Context extends object> {
  readonly inbox: Inbox<Context>
  readonly timeoutMs: number
  /** Whether this runtime freezes requests that were answered. */
  readonly isFreezing: boolean
  /** Set by `shutDown`: nothing may start from then on. */
  isClosed: boolean
  /** Key → the execution that has it in this process. */
  readonly running: Map<string, Execution<Context>>
  /** What passed its deadline, until the inbox has answered: that may be after the key is free. */
  readonly late: Set<Execution<Context>>
}

export function createAdmission<Context extends object>(
  inbox: Inbox<Context>,
  timeoutMs: number,
): Admission<Context> {
  const isFreezing = freezesRequests()
  return { inbox, timeoutMs, isFreezing, isClosed: false, running: new Map(), late: new Set() }
}

/** Starts an execution. Its key must be free. */
export function execute<Context extends object>(
  admission: Admission<Context>,
  work: Work<Context>,
): Execution<Context> {
  const { promise: answer, resolve } = Promise.withResolvers<ExecutionResult>()
  const execution: Execution<Context> = {
    work,
    state: 'not started',
    handling: undefined,
    stop: new AbortController(),
    isLate: false,
    heartbeat: admission.isFreezing ? startHeartbeat() : undefined,
    answer,
    end: answer,
  }
  // Before it runs: a handler may dispatch its own event, and waits for this one then.
  admission.running.set(work.key, execution)
  const timeoutMs = Math.min(admission.timeoutMs, work.leftMs)
  const detail = timeoutMs < admission.timeoutMs ? HOST_LIMIT : undefined
  const timer = setTimeout(() => resolve(expire(admission, execution, detail)), timeoutMs)
  execution.end = run(admission, execution, timer)
  // `resolve` itself and no other reaction: otherwise a handler's stack would end here.
  void execution.end.then(resolve)
  return execution
}

/** The answer of a running execution; undefined if its request is frozen. Then its key is free. */
export async function share<Context extends object>(
  admission: Admission<Context>,
  execution: Execution<Context>,
): Promise<ExecutionResult | undefined> {
  if (execution.heartbeat === undefined) return execution.answer
  if (await isFrozen(execution.heartbeat)) {
    admission.late.delete(execution)
    release(admission, execution)
    return undefined
  }
  const answer = await withTimeout(BEAT_MS, execution.answer, () => undefined)
  return answer ?? share(admission, execution)
}

/** Takes the work through the inbox. Never rejects, and never settles before the handlers. */
async function run<Context extends object>(
  admission: Admission<Context>,
  execution: Execution<Context>,
  timer: ReturnType<typeof setTimeout>,
): Promise<ExecutionResult> {
  let isOver = false
  if (execution.work.startsLater) await Promise.resolve()
  try {
    const answer = await admission.inbox.admit(execution.work.key, handleOnce)
    isOver = true
    // What an inbox answers is about what it has seen, so it is judged by that.
    const seen = execution.state
    if (seen === 'started') await handlersOf(execution)
    return judge(answer, execution.state instanceof WebhookError ? execution.state : seen)
  } catch (error) {
    isOver = true
    await handlersOf(execution)
    if (execution.state instanceof WebhookError) return execution.state
    return createFailure('inbox-unavailable', undefined, { cause: error })
  } finally {
    clearTimeout(timer)
    execution.heartbeat?.stop()
    admission.late.delete(execution)
    release(admission, execution)
  }

  function handleOnce(lent: Context, options?: InboxWorkOptions): Promise<void> {
    // One run at a time, and none after the inbox has answered: an inbox may only try again after a
    // run that failed.
    if (isOver || execution.state === 'started')
      return handled(Promise.reject(createFailure('inbox-busy')))
    if (options?.signal !== undefined) stopWith(options.signal, execution.stop)
    execution.handling = runHandlers(execution, lent)
    // It failed at once: too late to start, or by a handler that throws before it waits.
    if (execution.isLate || execution.state instanceof WebhookError)
      void handled(execution.handling)
    return execution.handling
  }
}

async function runHandlers<Context extends object>(
  execution: Execution<Context>,
  lent: Context,
): Promise<void> {
  const { event, handlers, context } = execution.work
  // The inbox admits the event after Ping++ got 500, and will send it again: nothing waits for handlers.
  if (execution.isLate) throw createFailure('handler-timed-out')
  execution.state = 'started'
  const fullContext = { ...lent, ...context, signal: execution.stop.signal }
  try {
    for (const handler of handlers) {
      // oxlint-disable-next-line no-await-in-loop -- a later handler may rely on an earlier one
      await handler(event, fullContext)
    }
    execution.state = 'finished'
  } catch (error) {
    execution.state = createFailure('handler-failed', undefined, { cause: error })
    if (execution.handling !== undefined) void handled(execution.handling)
    // An Error, whatever a handler threw: an inbox need not expect `undefined`.
    throw copyOf(execution.state)
  }
}

/**
 * An inbox may not wait for the handlers, and their failure must not end the process. Called after the
 * failure: from the start, a second reaction would cut the handler's stack.
 */
function handled(handling: Promise<void>): Promise<void> {
  handling.catch(() => {})
  return handling
}

/** Waits for handlers that run. */
async function handlersOf<Context extends object>({
  state,
  handling,
}: Execution<Context>): Promise<void> {
  if (state === 'started') await handling?.catch(() => {})
}

/** Fires the signal of handlers when the inbox's own fires. Only for inboxes that have one. */
function stopWith(signal: AbortSignal, stop: AbortController): void {
  if (signal.aborted) return stop.abort(signal.reason)
  signal.addEventListener('abort', () => stop.abort(signal.reason), { once: true })
}

/** What an execution was waiting for at its deadline. Handlers that run keep their key. */
function expire<Context extends object>(
  admission: Admission<Context>,
  execution: Execution<Context>,
  detail: string | undefined,
): WebhookError {
  const { state } = execution
  execution.isLate = true
  const timedOut = createFailure('handler-timed-out', detail)
  execution.stop.abort(copyOf(timedOut))
  if (state === 'not started') {
    // Otherwise one lost answer of a store would block the event until a restart.
    release(admission, execution)
  } else {
    admission.late.add(execution)
    void handlersOf(execution).then(() => release(admission, execution))
  }
  if (state instanceof WebhookError) return state
  if (state === 'started') return timedOut
  return createFailure('inbox-unavailable', 'It has not answered in time.')
}

/** Why a delivery was answered before its own time limits. */
export const HOST_LIMIT = 'The time limit of the function came first: raise it.'

function release<Context extends object>(
  { running }: Admission<Context>,
  execution: Execution<Context>,
): void {
  const { key } = execution.work
  if (running.get(key) === execution) running.delete(key)
}

/** Accepts the result of an inbox only if it agrees with what the handlers did. */
function judge(answer: unknown, seen: Execution<object>['state']): ExecutionResult {
  if (seen instanceof WebhookError) return seen
  if (answer === 'applied' && seen === 'finished') return 'handled'
  if (answer === 'duplicate' && seen === 'not started') return 'duplicate'
  if (answer === 'busy' && seen === 'not started') return createFailure('inbox-busy')
  return createFailure(
    'inbox-unavailable',
    `It answered "${String(answer)}", but the handlers had ${seen}.`,
  )
}
