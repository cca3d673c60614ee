import { lateAnswer } from './post-error.ts'
import {
  createAnswer,
  piecesOf,
  type Answer,
  type Post,
  type Posting,
  type PostResult,
  type Sender,
} from './sender.ts'

/** The address that an app in this process sees; nothing listens there. */
const ADDRESS = 'http://localhost/webhooks'

/** Hands each post to a function, as a `Request` of its own. */
export function functionSender(target: FunctionTarget): Sender {
  function post(given: Post): Posting {
    const { promise: result, resolve } = Promise.withResolvers<PostResult>()
    const answer = createAnswer()
    const deadline = setTimeout(giveUp, given.timeoutMs)
    void ask(target, given, answer).then(end)
    return { result, giveUp }

    /** The function may go on, but nobody waits for it. */
    function giveUp(): void {
      const response = answer.take(false)
      end(response === undefined ? lateAnswer(given.timeoutMs) : { response })
    }

    function end(outcome: PostResult): void {
      clearTimeout(deadline)
      resolve(outcome)
    }
  }

  return { name: 'in-process', post }
}

type FunctionTarget = (request: Request) => Response | Promise<Response>

async function ask(target: FunctionTarget, post: Post, answer: Answer): Promise<PostResult> {
  try {
    const given: unknown = await target(requestOf(post))
    if (!isResponse(given)) return notAResponse(given)
    answer.begin(given.status, Object.fromEntries(given.headers))
    const isWhole = given.body === null || (await readBody(given.body, answer))
    const response = answer.take(isWhole)
    return response === undefined ? notAResponse(given) : { response }
  } catch (error) {
    return { code: 'app-threw', error: `The target threw ${describe(error)}.` }
  }
}

function requestOf(post: Post): Request {
  const { body, headers, drip, bodyEnds } = post
  const isPlain = drip === undefined && bodyEnds === 'whole'
  // A length that is announced is what tells an app that the rest is missing.
  const sent = { ...headers, 'content-length': String(body.length) }
  if (isPlain)
    return new Request(ADDRESS, { method: 'POST', headers: sent, body: new Uint8Array(body) })
  const init = { method: 'POST', headers: sent, body: streamOf(post), duplex: 'half' }
  return new Request(ADDRESS, init)
}

/** The body in pieces; where a fault ends it early, the app reads an error, as it would from a socket. */
function streamOf(post: Post): ReadableStream<Uint8Array> {
  const pieces = piecesOf(post)
  return new ReadableStream({
    async pull(controller) {
      const { done, value } = await pieces.next()
      if (done !== true) controller.enqueue(new Uint8Array(value))
      else if (post.bodyEnds === 'whole') controller.close()
      else controller.error(brokenOff())
    },
  })
}

function brokenOff(): Error {
  return Object.assign(new Error('The connection was closed in the middle of the body.'), {
    code: 'ECONNRESET',
  })
}

async function readBody(stream: ReadableStream<Uint8Array>, answer: Answer): Promise<boolean> {
  try {
    for await (const chunk of stream) if (!answer.add(chunk)) break
    return true
  } catch {
    // The head came; that counts.
    return false
  }
}

/** By its shape: frameworks bring classes of their own. */
function isResponse(given: unknown): given is Response {
  if (typeof given !== 'object' || given === null) return false
  return 'status' in given && typeof given.status === 'number' && 'headers' in given
}

function notAResponse(given: unknown): PostResult {
  return {
    code: 'app-threw',
    error: `The target answered with ${given === null ? 'null' : `a value of type ${typeof given}`}, not with a Response.`,
  }
}

function describe(error: unknown): string {
  return error instanceof Error ? `${error.name}: ${error.message}` : `a ${typeof error}`
}
