import { setTimeout as sleep } from 'node:timers/promises'
import type { AttemptErrorCode, AttemptResponse } from '../events/sandbox-event.ts'
import type { Drip } from '../faults/fault-plan.ts'

/** One post to the app. */
export interface Post {
  readonly body: Buffer
  readonly headers: Readonly<Record<string, string>>
  readonly drip: Drip | undefined
  /** `cut`, `reset`: the connection is closed or reset in the middle of the body. */
  readonly bodyEnds: 'whole' | 'cut' | 'reset'
  /** Wall-clock milliseconds. */
  readonly timeoutMs: number
}

/** Result of a post. A status counts even if the rest of the answer did not come. */
export type PostResult = { readonly response: AttemptResponse } | PostError

/** Why no answer came. */
export interface PostError {
  readonly code: AttemptErrorCode
  /** What happened, and what to do about it. */
  readonly error: string
}

/** Posts to one target. */
export interface Sender {
  /** The target, as it is shown: a URL, or `in-process`. */
  readonly name: string
  /** Never rejects. When the signal fires, it resolves with what has come so far. */
  post(post: Post, signal: AbortSignal): Promise<PostResult>
}

/** The body in the pieces in which it is sent, with pauses between them. */
export async function* piecesOf({ body, drip, bodyEnds }: Post): AsyncGenerator<Buffer> {
  const end = bodyEnds === 'whole' ? body.length : body.length >> 1
  const size = drip?.chunkBytes ?? end
  for (let at = 0; at < end; at += size) {
    // oxlint-disable-next-line no-await-in-loop -- pieces are sent one after another
    if (at > 0 && drip !== undefined) await sleep(drip.chunkMs)
    yield body.subarray(at, Math.min(at + size, end))
  }
}

/** Collects what an app answers. */
export interface Answer {
  /** Resolves when the answer has ended or failed. */
  readonly result: Promise<PostResult>
  begin(status: number, headers: Readonly<Record<string, string>>): void
  /** Returns whether there is room for more; if not, the answer has ended. */
  add(chunk: Uint8Array): boolean
  end(isComplete: boolean): void
  /** If a status has come, it counts, whatever happened to the rest. */
  fail(error: PostError): void
}

/** How much of an answer's body is kept. */
const MAX_KEPT_BYTES = 64 * 1024

function createAnswer(): Answer {
  const { promise: result, resolve } = Promise.withResolvers<PostResult>()
  const chunks: Uint8Array[] = []
  let head: Pick<AttemptResponse, 'status' | 'headers'> | undefined
  let keptBytes = 0

  function take(truncated: boolean): PostResult | undefined {
    return head && { response: { ...head, body: Buffer.concat(chunks), truncated } }
  }

  function end(isComplete: boolean): void {
    const taken = take(!isComplete)
    if (taken !== undefined) resolve(taken)
  }

  return {
    result,
    begin(status, headers) {
      head = { status, headers }
    },
    add(chunk) {
      const kept = chunk.subarray(0, MAX_KEPT_BYTES - keptBytes)
      chunks.push(kept)
      keptBytes += kept.length
      if (kept.length === chunk.length) return true
      end(false)
      return false
    },
    end,
    fail: (error) => resolve(take(true) ?? error),
  }
}

/** Sends a post, and waits for the answer until the timeout or until the signal fires. */
export async function exchange(
  { timeoutMs }: Post,
  signal: AbortSignal,
  send: (answer: Answer) => void,
): Promise<PostResult> {
  const answer = createAnswer()
  const stop = (): void => answer.fail(timeoutError(timeoutMs))
  const deadline = setTimeout(stop, timeoutMs)
  signal.addEventListener('abort', stop)
  if (signal.aborted) stop()
  else send(answer)
  try {
    return await answer.result
  } finally {
    clearTimeout(deadline)
    signal.removeEventListener('abort', stop)
  }
}

function timeoutError(timeoutMs: number): PostError {
  const ms = timeoutMs.toLocaleString('en-US')
  return { code: 'timeout', error: `The app did not answer within ${ms} ms.` }
}
