import {
  exchange,
  isCutOff,
  piecesOf,
  type Answer,
  type Post,
  type PostError,
  type Sender,
} from './sender.ts'

/** The address that an app in this process sees; nothing listens there. */
const ADDRESS = 'http://localhost/webhooks'

type FunctionTarget = (request: Request) => Response | Promise<Response>

/** Passes each post to a function, as a `Request` of its own. */
export function functionSender(target: FunctionTarget): Sender {
  return {
    name: 'in-process',
    async post(post, signal) {
      const request = requestOf(post)
      const headers = Object.fromEntries(request.headers)
      const outcome = await exchange(post, signal, (answer) => {
        void call(target, request, answer)
        return undefined
      })
      return { url: ADDRESS, headers, ...outcome }
    },
  }
}

async function call(target: FunctionTarget, request: Request, answer: Answer): Promise<void> {
  try {
    const given: unknown = await target(request)
    if (!isResponse(given)) return answer.fail(notAResponse(given))
    answer.begin(given.status, Object.fromEntries(given.headers))
    for await (const chunk of given.body ?? []) if (!answer.add(chunk)) break
    return answer.end(true)
  } catch (error) {
    return answer.fail({ code: 'app-threw', error: `The target threw ${describe(error)}.` })
  }
}

function requestOf(post: Post): Request {
  const { method = 'POST', body, headers, drip } = post
  if (method === 'GET') return new Request(ADDRESS, { headers })
  const isPlain = drip === undefined && !isCutOff(post)
  // By the announced length an app sees that the rest is missing.
  const sent = { ...headers, 'content-length': String(body.length) }
  const init = { method, headers: sent, duplex: 'half' }
  return new Request(ADDRESS, { ...init, body: isPlain ? new Uint8Array(body) : streamOf(post) })
}

/** The body in pieces; if a fault ends it early, reading it fails as it would from a socket. */
function streamOf(post: Post): ReadableStream<Uint8Array> {
  const pieces = piecesOf(post)
  return new ReadableStream({
    async pull(controller) {
      const { done, value } = await pieces.next()
      if (done !== true) controller.enqueue(new Uint8Array(value))
      else if (isCutOff(post)) throw brokenOff()
      else controller.close()
    },
  })
}

function brokenOff(): Error {
  const error = new Error('The connection was closed in the middle of the body.')
  return Object.assign(error, { code: 'ECONNRESET' })
}

/** By its shape: frameworks bring classes of their own. */
function isResponse(given: unknown): given is Response {
  if (typeof given !== 'object' || given === null) return false
  return 'status' in given && typeof given.status === 'number' && 'headers' in given
}

function notAResponse(given: unknown): PostError {
  return {
    code: 'app-threw',
    error: `The target replied with ${given === null ? 'null' : `a value of type ${typeof given}`}, not with a Response.`,
  }
}

function describe(error: unknown): string {
  return error instanceof Error ? `${error.name}: ${error.message}` : `a ${typeof error}`
}
