import type { VerificationKey } from '@hongbao/core/internal'
import { createPublicKey } from 'node:crypto'
import { Hono, type Context } from 'hono'
import type { Engine } from '../../engine/engine.ts'
import { writeAnswer, type Answer } from './answer.ts'
import { ApiError, maskKeys } from './api-error.ts'
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
import { CALLER_LEFT, runUnderFaults } from './request-faults.ts'
import {
  createSignatureCheck,
  type SignatureMode,
  type SignatureVerdict,
} from './request-signature.ts'
import { readBody, readRequest, type ApiEnv, type ApiRequest } from './request.ts'

/** Options of {@link createApi}. */
export interface ApiOptions {
  /** Accepted API keys. Default: every `sk_test_…`. */
  readonly apiKeys?: readonly string[] | undefined
  /** Public keys of the merchant. Default: signatures are not checked. */
  readonly merchantKeys?: readonly VerificationKey[] | undefined
  /**
   * `lenient`: POST and PUT must be signed, in any way that an SDK ever had; other requests only if
   * they have a signature. `strict`: everything must be signed, as by current SDKs. Default: `'lenient'`.
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
 * If a fault cuts the connection of a request in the same process, it throws what `fetch` would
 * reject with; the `onError` of the app around it must rethrow that.
 */
export function createApi(engine: Engine, options: ApiOptions = {}): Hono<ApiEnv> {
  const { apiKeys, now = Date.now, maxBodyBytes = 1024 * 1024 } = options
  const checkSignature = createSignatureCheck({
    merchantKeys: options.merchantKeys ?? [],
    mode: options.requestSignatures ?? 'lenient',
    now,
    pingppKey: createPublicKey(engine.key.privateKey),
  })

  /** key → body → signature → parameters → faults → engine. */
  async function answer(context: Context<ApiEnv>, readTask: ReadTask): Promise<Response> {
    const request = readRequest(context)
    const started = performance.now()
    let signature: SignatureVerdict['state'] = 'unchecked'
    let faults: readonly string[] = []
    let result: Answer | ApiError | ConnectionCut
    try {
      checkApiKey(request.header('authorization'), apiKeys)
      const body = await readBody(context.req.raw, maxBodyBytes)
      const { state, problem } = checkSignature(request, body)
      signature = state
      if (problem !== undefined) throw problem
      // Hono answers HEAD as GET, but a retrieve can have side effects here.
      const read = request.method === 'HEAD' ? readUnknown : readTask
      const task = read(engine, { request, body, id: context.req.param('id') ?? '' })
      const fired = engine.faults.takeForRequest(task)
      faults = fired.map(({ kind }) => kind)
      const ends = { caller: request.signal, sandbox: engine.cancelled }
      result = { status: 200, body: await runUnderFaults(task.run, fired, ends) }
    } catch (error) {
      result = toRefusal(error, request)
    }
    engine.journal.write({
      type: 'api.request',
      id: request.id,
      method: request.method,
      path: maskKeys(request.target),
      status: result instanceof ConnectionCut ? 0 : result.status,
      ms: Math.round(performance.now() - started),
      signature,
      ...(result instanceof Error ? { reason: result.message } : {}),
      ...(faults.length === 0 ? {} : { faults }),
    })
    if (result instanceof ConnectionCut) return cutConnection(request, result)
    const written = result instanceof ApiError ? result.toAnswer(request.language) : result
    return writeAnswer(written, request.id, engine.key)
  }

  return new Hono<ApiEnv>()
    .post('/v1/red_envelopes', (c) => answer(c, readCreate))
    .get('/v1/red_envelopes', (c) => answer(c, readList))
    .get('/v1/red_envelopes/:id', (c) => answer(c, readRetrieve))
    .get('/v1/events/:id', (c) => answer(c, readRetrieveEvent))
    .all('/v1/*', (c) => answer(c, readUnknown))
    .notFound((c) => answer(c, readUnknown))
    .onError((error) => {
      throw error
    })
}

function toRefusal(error: unknown, { signal }: ApiRequest): ApiError | ConnectionCut {
  if (error instanceof ApiError || error instanceof ConnectionCut) return error
  if (signal.aborted) return new ConnectionCut(CALLER_LEFT, { cause: error })
  const cause = error instanceof Error ? error.message : String(error)
  return new ApiError('internal', { about: { cause } })
}
