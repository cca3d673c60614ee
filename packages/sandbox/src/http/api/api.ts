import type { VerificationKey } from '@hongbao/core/internal'
import { Hono, type Context } from 'hono'
import type { Engine } from '../../engine/engine.ts'
import type { JournalBody } from '../../engine/journal.ts'
import { ApiError, maskKeys } from './api-error.ts'
import { writeAnswer, type Answer } from './answer.ts'
import { checkApiKey } from './api-key.ts'
import { ConnectionCut, cutConnection } from './connection.ts'
import {
  readCreate,
  readList,
  readRetrieve,
  readRetrieveEvent,
  readUnknown,
  type ReadTask,
} from './operations.ts'
import { keysOfOthers } from './other-keys.ts'
import { readBody, readRequest, type ApiEnv, type ApiRequest } from './request.ts'
import { runUnderFaults } from './request-faults.ts'
import {
  createSignatureCheck,
  type SignatureMode,
  type SignatureVerdict,
} from './request-signature.ts'

/** Options of {@link createApi}. */
export interface ApiOptions {
  /** The API keys that are taken. Default: every `sk_test_…`. */
  readonly apiKeys?: readonly string[] | undefined
  /** Public keys of the merchant, one of which must have signed. Default: signatures are not checked. */
  readonly merchantKeys?: readonly VerificationKey[] | undefined
  /**
   * `lenient`: POST and PUT must be signed, in any way that an SDK ever had; what else is signed must be
   * signed well. `strict`: everything must be signed, as current SDKs do it. Default: `'lenient'`.
   */
  readonly requestSignatures?: SignatureMode | undefined
  /** Wall clock of signed timestamps, in milliseconds since 1970. Default: `Date.now`. */
  readonly now?: (() => number) | undefined
  /** Largest body of a request, in bytes. Default: 1,048,576 (1 MiB). */
  readonly maxBodyBytes?: number | undefined
}

/**
 * Ping++'s API of red envelopes below `/v1`. Mount it with `app.route('/', createApi(engine))`.
 *
 * Where a fault cuts the connection of a request in the same process, it throws what `fetch` would
 * reject with, so the `onError` of the app around it must throw that on.
 */
export function createApi(engine: Engine, options: ApiOptions = {}): Hono<ApiEnv> {
  const { apiKeys, now = Date.now, maxBodyBytes = 1024 * 1024 } = options
  const checkSignature = createSignatureCheck({
    merchantKeys: options.merchantKeys ?? [],
    mode: options.requestSignatures ?? 'lenient',
    now,
    otherKeys: keysOfOthers(engine.key),
  })

  const api = new Hono<ApiEnv>()
  api.post('/v1/red_envelopes', answer(readCreate))
  api.get('/v1/red_envelopes', answer(readList))
  api.get('/v1/red_envelopes/:id', answer(readRetrieve))
  api.get('/v1/events/:id', answer(readRetrieveEvent))
  api.all('/v1/*', answer(readUnknown))
  api.notFound(answer(readUnknown))
  api.onError((error) => {
    throw error
  })
  return api

  function answer(readTask: ReadTask): (context: Context<ApiEnv>) => Promise<Response> {
    return async function answerPingpp(context) {
      const request = readRequest(context)
      const sighting = createSighting()
      // Hono answers HEAD as GET; a retrieve is no harmless question here.
      const read = request.method === 'HEAD' ? readUnknown : readTask
      const result = await perform(context, request, read, sighting).catch((error: unknown) =>
        toRefusal(error, request),
      )
      engine.journal.write(recordOf(request, sighting, result))
      if (result instanceof ConnectionCut) return cutConnection(request, result)
      const written = result instanceof ApiError ? result.toAnswer(request.language) : result
      return writeAnswer(written, request.id, engine.key)
    }
  }

  /** key → body → signature → parameters → faults → engine. */
  async function perform(
    context: Context<ApiEnv>,
    request: ApiRequest,
    readTask: ReadTask,
    sighting: Sighting,
  ): Promise<Answer> {
    checkApiKey(request.header('authorization'), apiKeys)
    const body = await readBody(context.req.raw, maxBodyBytes)
    const { state, problem } = checkSignature(request, body)
    sighting.signature = state
    if (problem !== undefined) throw problem

    const task = readTask(engine, { request, body, id: context.req.param('id') ?? '' })
    const faults = engine.faults.takeForRequest(task)
    sighting.faults = faults.map(({ kind }) => kind)
    const ends = { caller: request.signal, sandbox: engine.cancelled }
    return { status: 200, body: await runUnderFaults(task.run, faults, ends) }
  }
}

/** What is found out about a request on its way. */
interface Sighting {
  readonly startedMs: number
  signature: SignatureVerdict['state']
  faults: readonly string[]
}

function createSighting(): Sighting {
  return { startedMs: performance.now(), signature: 'unchecked', faults: [] }
}

/** What became of a request that was not carried out, or whose answer is lost. */
function toRefusal(error: unknown, { signal }: ApiRequest): ApiError | ConnectionCut {
  if (error instanceof ApiError || error instanceof ConnectionCut) return error
  if (signal.aborted) return new ConnectionCut('Whoever asked has left.', { cause: error })
  const cause = error instanceof Error ? error.message : String(error)
  return new ApiError('internal', { about: { cause } })
}

function recordOf(
  { id, method, target }: ApiRequest,
  { startedMs, signature, faults }: Sighting,
  result: Answer | ApiError | ConnectionCut,
): JournalBody {
  return {
    type: 'api.request',
    id,
    method,
    path: maskKeys(target),
    // No answer has no status.
    status: result instanceof ConnectionCut ? 0 : result.status,
    ms: Math.round(performance.now() - startedMs),
    signature,
    ...(result instanceof Error ? { reason: result.message } : {}),
    ...(faults.length === 0 ? {} : { faults }),
  }
}
