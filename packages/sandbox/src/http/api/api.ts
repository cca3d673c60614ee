import { createPublicKey } from 'node:crypto'
import { Hono, type Context } from 'hono'
import { isoTime } from '../../clock/duration.ts'
import type { Engine } from '../../engine/engine.ts'
import { logRequest, viewBody, type LoggedRequest } from '../../engine/request-log.ts'
import type { Settings } from '../../options.ts'
import { writeAnswer, type Answer } from './answer.ts'
import { ApiError } from './api-error.ts'
import { maskKeys } from '../../mask-keys.ts'
import { checkApiKey } from './api-key.ts'
import { ConnectionCut, cutConnection } from './connection.ts'
import {
  readCreate,
  readList,
  readRetrieve,
  readRetrieveEvent,
  readUnknown,
  type ReadTask,
  type Task,
} from './operations.ts'
import { CALLER_LEFT, runUnderFaults } from './request-faults.ts'
import {
  createSignatureCheck,
  type SignatureCheck,
  type SignatureVerdict,
} from './request-signature.ts'
import { readBody, readRequest, type ApiEnv, type ApiRequest } from './request.ts'

/** Options of {@link createApi}. */
export interface ApiOptions extends Partial<
  Pick<Settings, 'apiKeys' | 'merchantKeys' | 'requestSignatures'>
> {
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
  const { apiKeys, maxBodyBytes = 1024 * 1024 } = options
  const checkSignature = createSignatureCheck({
    merchantKeys: options.merchantKeys ?? [],
    mode: options.requestSignatures ?? 'lenient',
    now: options.now ?? Date.now,
    pingppKey: createPublicKey(engine.key.privateKey),
  })
  const api: Api = { engine, apiKeys, maxBodyBytes, checkSignature }
  const handle = (readTask: ReadTask) => (c: Context<ApiEnv>) => answer(api, c, readTask)
  return new Hono<ApiEnv>()
    .post('/v1/red_envelopes', handle(readCreate))
    .get('/v1/red_envelopes', handle(readList))
    .get('/v1/red_envelopes/:id', handle(readRetrieve))
    .get('/v1/events/:id', handle(readRetrieveEvent))
    .all('/v1/*', handle(readUnknown))
    .notFound(handle(readUnknown))
    .onError((error) => {
      throw error
    })
}

interface Api extends Pick<ApiOptions, 'apiKeys'> {
  readonly engine: Engine
  readonly maxBodyBytes: number
  readonly checkSignature: SignatureCheck
}

async function answer(api: Api, context: Context<ApiEnv>, readTask: ReadTask): Promise<Response> {
  const { engine } = api
  const request = readRequest(context)
  const started = performance.now()
  const trace: Trace = { body: Buffer.alloc(0), signature: 'unchecked', faults: [] }
  let result: Answer | ApiError | ConnectionCut
  try {
    result = await carryOut(api, context, request, readTask, trace)
  } catch (error) {
    result = toRefusal(error, request)
  }
  const ms = Math.round(performance.now() - started)
  const reason = result instanceof Error ? result.message : undefined
  const written = result instanceof ApiError ? result.toAnswer(request.language) : result
  if (written instanceof ConnectionCut) {
    record(engine, request, trace, { status: 0, ms, reason, response: null })
    return cutConnection(request, written)
  }
  const { status, headers, bytes } = writeAnswer(written, request.id, engine.key)
  const response = { headers, body: viewBody(bytes) }
  record(engine, request, trace, { status, ms, reason, response })
  return new Response(bytes, { status, headers })
}

/** key → body → signature → parameters → faults → engine. */
async function carryOut(
  { engine, apiKeys, maxBodyBytes, checkSignature }: Api,
  { req }: Context<ApiEnv>,
  request: ApiRequest,
  readTask: ReadTask,
  trace: Trace,
): Promise<Answer> {
  checkApiKey(request.header('authorization'), apiKeys)
  trace.body = await readBody(req.raw, maxBodyBytes)
  const { state, problem } = checkSignature(request, trace.body)
  trace.signature = state
  if (problem !== undefined) throw problem
  // Hono answers HEAD as GET, but a retrieve can have side effects here.
  const read = request.method === 'HEAD' ? readUnknown : readTask
  const task = read(engine, { request, body: trace.body, id: req.param('id') ?? '' })
  trace.task = task
  const fired = engine.faults.takeForRequest(task)
  trace.faults = fired.map(({ kind }) => kind)
  const body = await runUnderFaults(task.run, fired, request.signal, engine.cancelled)
  return { status: 200, body }
}

interface Trace {
  body: Buffer
  signature: SignatureVerdict['state']
  faults: readonly string[]
  task?: Task
}

function record(
  engine: Engine,
  request: ApiRequest,
  { task, signature, faults, body }: Trace,
  result: Pick<LoggedRequest, 'status' | 'ms' | 'reason' | 'response'>,
): void {
  const { requests, journal, clock } = engine
  const { id, method } = request
  const path = maskKeys(request.target)
  const { operation, orderNo } = task ?? {}
  const envelope = task?.envelope ?? engine.find(orderNo ?? '')?.id
  const about = { id, method, path, signature, operation, envelope, orderNo }
  const headers = withoutCredentials(request.headers)
  const at = isoTime(clock.now())
  logRequest(requests, { ...about, ...result, at, faults, headers, body: viewBody(body) })
  const { status, ms, reason } = result
  const why = reason === undefined ? {} : { reason }
  const fired = faults.length === 0 ? {} : { faults }
  journal.write({ type: 'api.request', ...about, status, ms, ...why, ...fired })
}

const CREDENTIALS = /^(?:proxy-)?authorization$|^cookie$/

function withoutCredentials(headers: Readonly<Record<string, string>>): Record<string, string> {
  return Object.fromEntries(
    Object.entries(headers).map(([name, value]) =>
      CREDENTIALS.test(name)
        ? [name, value.replace(/^(\w+ +)?.*$/s, '$1****')]
        : [name, maskKeys(value)],
    ),
  )
}

function toRefusal(error: unknown, { signal }: ApiRequest): ApiError | ConnectionCut {
  if (error instanceof ApiError || error instanceof ConnectionCut) return error
  if (signal.aborted) return new ConnectionCut(CALLER_LEFT, { cause: error })
  const cause = error instanceof Error ? error.message : String(error)
  return new ApiError('internal', { about: { cause } })
}
