import { setTimeout as sleep } from 'node:timers/promises'
import type { AttemptErrorCode, AttemptResponse } from '../engine/sandbox-event.ts'
import type { Drip } from '../faults/fault-plan.ts'

/** One post to the app. */
export interface Post {
  readonly body: Buffer
  readonly headers: Readonly<Record<string, string>>
  readonly drip: Drip | undefined
  /** Where the body ends: with its last byte, or in the middle, by closing the connection or by resetting it. */
  readonly bodyEnds: 'whole' | 'cut' | 'reset'
  /** Wall-clock milliseconds. */
  readonly timeoutMs: number
}

/** What came of a post. A status that came counts, even where the rest of the answer did not. */
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
  post(post: Post): Posting
}

/** A post that is on its way. */
export interface Posting {
  /** Never rejects. */
  readonly result: Promise<PostResult>
  /** Ends it with what has come so far. */
  giveUp(): void
}

/** Cuts a body into the pieces in which it is to be sent, with the pauses between them. */
export async function* piecesOf({ body, drip, bodyEnds }: Post): AsyncGenerator<Buffer> {
  const end = bodyEnds === 'whole' ? body.length : body.length >> 1
  const size = drip?.chunkBytes ?? end
  for (let at = 0; at < end; at += size) {
    // oxlint-disable-next-line no-await-in-loop -- dripping is the point
    if (at > 0 && drip !== undefined) await sleep(drip.chunkMs)
    yield body.subarray(at, Math.min(at + size, end))
  }
}

/** What an app answers, as it comes in. */
export interface Answer {
  /** The head is there. */
  begin(status: number, headers: Readonly<Record<string, string>>): void
  /** False where no more is kept. */
  add(chunk: Uint8Array): boolean
  /** What has come so far, if a status has; `isWhole` where the answer ended as it should. */
  take(isWhole: boolean): AttemptResponse | undefined
}

/** How much of an answer's body is kept. */
const MAX_KEPT_BYTES = 64 * 1024

export function createAnswer(): Answer {
  const chunks: Uint8Array[] = []
  let head: Pick<AttemptResponse, 'status' | 'headers'> | undefined
  let keptBytes = 0
  let isCut = false

  return {
    begin(status, headers) {
      head = { status, headers }
    },
    add(chunk) {
      const kept = chunk.subarray(0, MAX_KEPT_BYTES - keptBytes)
      chunks.push(kept)
      keptBytes += kept.length
      isCut ||= kept.length < chunk.length
      return !isCut
    },
    take(isWhole) {
      if (head === undefined) return undefined
      return { ...head, body: Buffer.concat(chunks), truncated: isCut || !isWhole }
    },
  }
}
