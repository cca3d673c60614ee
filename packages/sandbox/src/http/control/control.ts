import { Hono, type Context, type MiddlewareHandler } from 'hono'
import { RETRY_GAPS_MS } from '../../clock/schedule.ts'
import type { Engine } from '../../engine/engine.ts'
import { Refusal } from '../../errors.ts'
import { publicPemOf } from '../../keys/keys.ts'
import type { Settings } from '../../options.ts'
import manifest from '../../../package.json' with { type: 'json' }
import { refusalSentence } from '../../refusal-sentence.ts'
import REFUSALS from '../../refusals.json' with { type: 'json' }
import { languageOf } from '../api/language.ts'
import { isSameSecret } from '../same-secret.ts'
import { CONTROL_VERSION, VERSION_HEADER } from '../version.ts'
import { check, readBody } from './fields.ts'
import { streamRecords } from './record-stream.ts'
import {
  clockRoutes,
  envelopeRoutes,
  eventRoutes,
  faultRoutes,
  inForce,
  requestRoutes,
  triggerRoutes,
} from './routes.ts'
import type { ErrorAnswer, StateView } from './types.ts'
import { viewAttempt, viewCatalogue, viewClock, viewProbe } from './views.ts'

/** What the control API shows besides the engine. */
export interface ControlSettings extends Pick<
  Settings,
  | 'sendWebhooks'
  | 'requestSignatures'
  | 'merchantKeys'
  | 'maxEvents'
  | 'publicUrl'
  | 'persist'
  | 'controlToken'
> {
  readonly url: string
  readonly keyFingerprint: string
  /** Pause between heartbeats of a stream. Default: 15,000. */
  readonly heartbeatMs?: number | undefined
}

const TARGET = check(
  'a URL, or null for nowhere',
  (value): value is string | null => value === null || typeof value === 'string',
)

/**
 * Controls a sandbox over HTTP, for the command line, the inspector, and programs in other languages;
 * mounted at `/_sandbox`. Its types are in `types.ts`. No answer contains a private key or an API key.
 */
export function createControl(engine: Engine, settings: ControlSettings): Hono {
  const { heartbeatMs = 15_000, publicUrl, controlToken } = settings
  return new Hono()
    .onError(answerError)
    .use(addHeaders, createGuard(publicUrl))
    .get('/ready', (c) => c.json({ ready: true }))
    .use(createTokenCheck(controlToken))
    .get('/state', (c) => c.json(viewState(engine, settings)))
    .get('/catalogue', (c) => c.json(viewCatalogue(Math.floor(engine.clock.now() / 1000))))
    .get('/stream', (c) => streamRecords(c, engine.journal, heartbeatMs))
    .route('/events', eventRoutes(engine))
    .route('/trigger', triggerRoutes(engine))
    .route('/envelopes', envelopeRoutes(engine))
    .route('/requests', requestRoutes(engine))
    .route('/faults', faultRoutes(engine.faults))
    .route('/clock', clockRoutes(engine.clock))
    .put('/target', async (c) => {
      const { target } = await readBody(c, { target: TARGET })
      engine.setTarget(target ?? undefined)
      return c.json({ target: engine.target })
    })
    .post('/target/probe', async (c) => {
      await readBody(c, {})
      const view = await viewProbe(engine)
      if (view === undefined) throw new Refusal('target-missing')
      return c.json(view)
    })
    .post('/reset', async (c) => {
      await readBody(c, {})
      await engine.reset()
      return c.json(viewState(engine, settings))
    })
    .all('*', ({ req }) => {
      throw new Refusal('route-unknown', { method: req.method, path: req.path })
    })
}

/** Answers with the status of the refusal, in Chinese if the request prefers it; any other error is a bug. */
function answerError(error: Error, { req }: Context): Response {
  const bug = { error: `${error.name}: ${error.message}` }
  const refusal = error instanceof Refusal ? error : new Refusal('internal-error', bug)
  const { code, reason, about } = refusal
  const language = languageOf(req.header('accept-language'), 'en')
  const chinese = language === 'zh' ? refusalSentence(refusal, 'zh') : undefined
  const message = chinese ?? refusal.message
  const { status } = REFUSALS[reason]
  const answer = { error: { code, message, reason, about } } satisfies ErrorAnswer
  // RFC 9110, section 15.5.2.
  const headers = status === 401 ? { 'www-authenticate': 'Bearer' } : {}
  return Response.json(answer, { status, headers })
}

/** Names the version; keeps answers out of caches and of other pages. */
const addHeaders: MiddlewareHandler = async (c, next) => {
  await next()
  c.res.headers.set(VERSION_HEADER, CONTROL_VERSION)
  c.res.headers.set('cache-control', 'no-store')
  c.res.headers.set('x-content-type-options', 'nosniff')
  c.res.headers.set('cross-origin-resource-policy', 'same-origin')
}

/**
 * Refuses requests of web pages of other origins: a browser on this machine can reach the server. The
 * Host header is checked by the server itself.
 *
 * - `Origin`, which browsers send with every request that changes something, must be this server's, or that
 *   of the proxy in front of it.
 * - `Sec-Fetch-Site` shows requests without an `Origin`: scripts, images, links.
 * - What changes something must be JSON: a form cannot send that, and a script only after a preflight
 *   (Fetch standard, "CORS-safelisted request-header"), which this server never answers.
 */
function createGuard(publicUrl: string | undefined): MiddlewareHandler {
  const publicOrigin = publicUrl && new URL(publicUrl).origin

  return async function guard({ req }, next) {
    const { origin = publicOrigin, 'sec-fetch-site': site = 'none' } = req.header()
    if (origin !== publicOrigin && origin !== new URL(req.url).origin) {
      throw new Refusal('origin-foreign', { what: 'Origin' })
    }
    if (site !== 'same-origin' && site !== 'none') {
      throw new Refusal('origin-foreign', { what: 'page' })
    }
    const isJson = /^application\/json\s*(?:;|$)/i.test(req.header('content-type') ?? '')
    if (!isJson && req.method !== 'GET' && req.method !== 'HEAD') {
      throw new Refusal('content-type-invalid')
    }
    await next()
  }
}

/** Refuses requests without the token. @param token undefined if none is demanded */
function createTokenCheck(token: string | undefined): MiddlewareHandler {
  return async function checkToken({ req }, next) {
    const [, given = ''] = /^bearer +(\S+) *$/i.exec(req.header('authorization') ?? '') ?? []
    if (token !== undefined && !isSameSecret(given, token)) throw new Refusal('token-invalid')
    await next()
  }
}

function viewState(engine: Engine, settings: ControlSettings): StateView {
  const { journal, deliveries, target } = engine
  const { url, publicUrl = null, keyFingerprint, sendWebhooks: mode, maxEvents = null } = settings
  const isChecked = settings.merchantKeys.length > 0
  return {
    boot: journal.boot,
    seq: journal.seq,
    version: manifest.version,
    url,
    publicUrl,
    target,
    lastAttempt: deliveries.lastAttempt === undefined ? null : viewAttempt(deliveries.lastAttempt),
    keyFingerprint,
    publicKey: publicPemOf(engine.key.privateKey),
    mode,
    requestSignatures: isChecked ? settings.requestSignatures : 'off',
    schedule: RETRY_GAPS_MS,
    clock: viewClock(engine.clock),
    events: deliveries.counts,
    maxEvents,
    envelopes: engine.envelopes.size,
    requests: engine.requests.size,
    faults: inForce(engine.faults).length,
    persist: settings.persist !== undefined,
  }
}
