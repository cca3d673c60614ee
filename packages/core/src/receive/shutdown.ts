import { withTimeout } from '../options/with-timeout.ts'
import type { Admission, Execution } from './admission.ts'

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

/**
 * Waits until all handlers have settled, for the timeout of handlers at most, and then until the inbox
 * has stored the results, for as long again. Nothing starts after the call.
 */
export async function shutDown<Context extends object>(
  admission: Admission<Context>,
): Promise<CloseReport> {
  const { running, late, timeoutMs } = admission
  admission.isClosed = true
  const handlers = Promise.all(Array.from(running.values(), handlersEnd))
  await withTimeout<unknown>(timeoutMs, handlers, () => {})
  const inboxFlushed = await withTimeout(timeoutMs, flush(admission), () => false)
  return { running: [...new Set([...running.values(), ...late])].map(describe), inboxFlushed }
}

/** Handlers that run past their deadline settle after the answer. */
async function handlersEnd<Context extends object>(execution: Execution<Context>): Promise<void> {
  await execution.answer
  await execution.handling?.catch(() => {})
}

async function flush<Context extends object>(admission: Admission<Context>): Promise<boolean> {
  // Handlers that still run have had their time.
  const ended = [...admission.late].filter(({ state }) => state !== 'started')
  await Promise.all([...ended.map(({ end }) => end), flushInbox(admission)])
  // What ended just now may still have to be stored.
  return flushInbox(admission)
}

async function flushInbox<Context extends object>({ inbox }: Admission<Context>): Promise<boolean> {
  try {
    await inbox.flush?.()
    return true
  } catch {
    // An inbox of the app's own that breaks the contract: there is nothing more to wait for.
    return false
  }
}

function describe<Context extends object>({ work, state }: Execution<Context>): RunningEvent {
  return {
    key: work.key,
    eventType: work.event.type,
    eventId: work.event.id,
    waitsFor: state === 'started' ? 'handlers' : 'inbox',
    runningMs: Math.round(performance.now() - work.startedMs),
  }
}
