import { setTimeout as sleep } from 'node:timers/promises'
import type { AttemptErrorCode, AttemptResponse, AttemptTimings } from '../events/sandbox-event.ts'
import type { AttemptPlan } from '../faults/fault-plan.ts'

/** What is sent: of a plan, or simply a body. */
export interface Post
  extends Pick<AttemptPlan, 'body' | 'headers'>, Partial<Pick<AttemptPlan, 'drip' | 'ending'>> {
  /** Default: POST. A GET asks whether the app can be reached. */
  readonly method?: 'POST' | 'GET'
  /** Wall-clock milliseconds. */
  readonly timeoutMs: number
}

/** Asks whether the app can be reached. An app that takes only POST answers 404 or 405. */
export const PROBE: Omit<Post, 'timeoutMs'> = {
  method: 'GET',
  body: Buffer.alloc(0),
  headers: { 'user-agent': 'hongbao-sandbox' },
}

/** Result of a post. A status counts even if the rest of the answer did not come. */
export interface PostResult {
  readonly url: string
  readonly headers: Readonly<Record<string, string>>
  readonly timings: AttemptTimings
  /** Undefined if there was none; `failure` says why. */
  readonly response: AttemptResponse | undefined
  readonly failure: PostError | undefined
}

/** Why no answer came. */
export interface PostError {
  readonly code: AttemptErrorCode
  /** What happened, and what to do about it. */
  readonly error: string
}

export interface Sender {
  /** The target, as it is shown: a URL, or `in-process`. */
  readonly name: string
  /** Never rejects. When the signal fires, it resolves with what has come so far. */
  post(post: Post, signal: AbortSignal): Promise<PostResult>
}

/** Whether the connection is closed or reset in the middle of the body. */
export function isCutOff({ ending }: Pick<Post, 'ending'>): boolean {
  return ending === 'cut' || ending === 'reset'
}

/** What is sent of the body. */
export function sentOf(post: Pick<Post, 'body' | 'ending'>): Buffer {
  return isCutOff(post) ? post.body.subarray(0, post.body.length >> 1) : post.body
}

/** The body in the pieces in which it is sent, with pauses between them. */
export async function* piecesOf(post: Post): AsyncGenerator<Buffer> {
  const sent = sentOf(post)
  const { chunkBytes = sent.length, chunkMs = 0 } = post.drip ?? {}
  for (let at = 0; at < sent.length; at += chunkBytes) {
    // oxlint-disable-next-line no-await-in-loop -- pieces are sent one after another
    if (at > 0) await sleep(chunkMs)
    yield sent.subarray(at, at + chunkBytes)
  }
}

export interface Answer {
  connected(): void
  begin(status: number, headers: Readonly<Record<string, string>>): void
  /** Returns whether there is room for more; if not, the answer has ended. */
  add(chunk: Uint8Array): boolean
  end(isComplete: boolean): void
  /** If a status has come, it counts, whatever happened to the rest. */
  fail(error: PostError): void
}

const MAX_KEPT_BYTES = 64 * 1024

type Outcome = Pick<PostResult, 'timings' | 'response' | 'failure'>

function createAnswer(): Answer & { readonly outcome: Promise<Outcome> } {
  const { promise: outcome, resolve } = Promise.withResolvers<Outcome>()
  const elapsed = createStopwatch()
  const chunks: Uint8Array[] = []
  let head: Pick<AttemptResponse, 'status' | 'headers'> | undefined
  let connectMs: number | null = null
  let firstByteMs: number | null = null
  let keptBytes = 0

  function finish(truncated: boolean, error?: PostError): void {
    const response = head && { ...head, body: Buffer.concat(chunks), truncated }
    const failure = response === undefined ? error : undefined
    resolve({ timings: { connectMs, firstByteMs, totalMs: elapsed() }, response, failure })
  }

  return {
    outcome,
    connected() {
      connectMs = elapsed()
    },
    begin(status, headers) {
      head = { status, headers }
      firstByteMs = elapsed()
    },
    add(chunk) {
      const kept = chunk.subarray(0, MAX_KEPT_BYTES - keptBytes)
      chunks.push(kept)
      keptBytes += kept.length
      if (kept.length === chunk.length) return true
      finish(true)
      return false
    },
    end: (isComplete) => finish(!isComplete),
    fail: (error) => finish(true, error),
  }
}

/** Milliseconds since it was made, to a tenth. */
function createStopwatch(): () => number {
  const started = performance.now()
  return () => Math.round((performance.now() - started) * 10) / 10
}

/**
 * Sends a post, and waits for the answer until the timeout or until the signal fires. `send` returns what ends
 * the post on its side: an app that answers too late, or without an end, would keep its connection otherwise.
 */
export async function exchange(
  { timeoutMs }: Post,
  signal: AbortSignal,
  send: (answer: Answer) => (() => void) | undefined,
): Promise<Outcome> {
  const answer = createAnswer()
  const stop = (): void => answer.fail(timeoutError(timeoutMs))
  const deadline = setTimeout(stop, timeoutMs)
  signal.addEventListener('abort', stop)
  let end: (() => void) | undefined
  if (signal.aborted) stop()
  else end = send(answer)
  try {
    return await answer.outcome
  } finally {
    end?.()
    clearTimeout(deadline)
    signal.removeEventListener('abort', stop)
  }
}

function timeoutError(timeoutMs: number): PostError {
  const ms = timeoutMs.toLocaleString('en-US')
  return { code: 'timeout', error: `The app did not reply within ${ms} ms.` }
}
