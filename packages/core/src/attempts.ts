import { WebhookError } from './errors.ts'
import { Failure } from './failure.ts'
import type { Inbox } from './inbox.ts'

/** How an attempt to apply an event ended. */
export type AttemptResult = 'handled' | 'duplicate' | Failure

/** What is to be done once; gets what the inbox lends and the signal of the deadline. */
export type Work<Context> = (lent: Context, signal: AbortSignal) => Promise<void>

/** Applies events: through the inbox, under a deadline, one attempt per key at a time. */
export interface Attempts<Context extends object> {
  /** The answer of the attempt that is running for the key in this process, if one is. */
  running(key: string): Promise<AttemptResult> | undefined
  /**
   * Starts an attempt. Resolves with its result, or at the deadline with a failure; then `onLate`
   * gets the result when the work settles. Never rejects.
   */
  start(
    key: string,
    work: Work<Context>,
    onLate: (result: AttemptResult) => void,
  ): Promise<AttemptResult>
}

export function createAttempts<Context extends object>(
  inbox: Inbox<Context>,
  timeoutMs: number,
): Attempts<Context> {
  const answers = new Map<string, Promise<AttemptResult>>()

  function start(key: string, work: Work<Context>, onLate: (result: AttemptResult) => void) {
    const answer = new Promise<AttemptResult>((resolve) => {
      const progress: Progress = {
        seen: 'nothing',
        deadline: new AbortController(),
        expired: false,
      }
      const timer = setTimeout(() => resolve(expire(progress)), timeoutMs)
      // A timeout is not a failure: the key stays taken until the work has settled.
      void settle(inbox, key, work, progress).then((result) => {
        clearTimeout(timer)
        answers.delete(key)
        if (progress.expired) onLate(result)
        else resolve(result)
      })
    })
    answers.set(key, answer)
    return answer
  }

  return { running: (key) => answers.get(key), start }
}

/** How far an attempt got. */
interface Progress {
  seen: 'nothing' | 'started' | 'finished' | Failure
  readonly deadline: AbortController
  expired: boolean
}

/** Takes an attempt through the inbox. Never rejects. */
async function settle<Context extends object>(
  inbox: Inbox<Context>,
  key: string,
  work: Work<Context>,
  progress: Progress,
): Promise<AttemptResult> {
  try {
    const admission = await inbox.admit(key, (lent) => watch(work, lent, progress))
    return judge(admission, progress.seen)
  } catch (error) {
    if (progress.seen instanceof Failure) return progress.seen
    return new Failure('inbox-unavailable', undefined, { cause: error })
  }
}

/** Does the work and notes how far it came. */
async function watch<Context extends object>(
  work: Work<Context>,
  lent: Context,
  progress: Progress,
): Promise<void> {
  // The inbox let us in after Ping++ was told to come again: do not start what nobody waits for.
  if (progress.expired) throw new WebhookError('handler-timed-out')
  progress.seen = 'started'
  try {
    await work(lent, progress.deadline.signal)
    progress.seen = 'finished'
  } catch (error) {
    const failure = new Failure('handler-failed', undefined, { cause: error })
    progress.seen = failure
    // Always an Error, whatever a handler threw: an inbox should not have to expect `undefined`.
    throw failure.toError()
  }
}

function expire(progress: Progress): Failure {
  progress.expired = true
  progress.deadline.abort(new WebhookError('handler-timed-out'))
  if (progress.seen !== 'nothing') return new Failure('handler-timed-out')
  return new Failure('inbox-unavailable', 'It has not answered in time.')
}

/** Believes an inbox only as far as it agrees with what the work was seen to do. */
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
