import { Hono, type Context, type Next } from 'hono'
import { RETRY_GAPS_MS } from '../../clock/schedule.ts'
import type { Engine } from '../../engine/engine.ts'
import { invalidOption, Refusal } from '../../errors.ts'
import { publicPemOf } from '../../keys/keys.ts'
import type { Settings } from '../../options.ts'
import manifest from '../../../package.json' with { type: 'json' }
import { CONTROL_VERSION, VERSION_HEADER } from '../version.ts'
import { viewCatalogue } from './catalogue.ts'
import { clockRoutes, viewClock } from './clock-routes.ts'
import { answerError } from './control-error.ts'
import { envelopeRoutes } from './envelope-routes.ts'
import { eventRoutes, triggerRoute } from './event-routes.ts'
import { viewAttempt } from './event-view.ts'
import { faultRoutes, inForce } from './fault-routes.ts'
import { readFields } from './fields.ts'
import { createGuard } from './guard.ts'
import { streamRecords } from './record-stream.ts'
import { requestRoutes } from './request-routes.ts'
import type { ProbeView, StateView } from './types.ts'

/** What the control API shows besides the engine. */
export interface ControlSettings extends Pick<
  Settings,
  'sendWebhooks' | 'requestSignatures' | 'merchantKeys' | 'maxEvents' | 'publicUrl' | 'persist'
> {
  readonly url: string
  readonly keyFingerprint: string
  /** Pause between heartbeats of a stream. Default: 15,000. */
  readonly heartbeatMs?: number | undefined
}

/**
 * Controls a sandbox over HTTP, for the command line, the inspector, and programs in other languages;
 * mounted at `/_sandbox`. Its types are in `types.ts`. JSON in, JSON out; errors as
 * `{ error: { code, message } }`. No answer contains a private key or an API key.
 */
export function createControl(engine: Engine, settings: ControlSettings): Hono {
  const { heartbeatMs = 15_000, publicUrl } = settings
  const control = new Hono()
  control.onError(answerError)
  control.use(addHeaders, createGuard(publicUrl))

  control.get('/ready', (c) => c.json({ ready: true }))
  control.get('/state', (c) => c.json(viewState(engine, settings)))
  control.get('/catalogue', (c) => c.json(viewCatalogue(Math.floor(engine.clock.now() / 1000))))
  control.get('/stream', (c) => streamRecords(c, engine.journal, heartbeatMs))
  control.route('/events', eventRoutes(engine))
  control.post('/trigger', triggerRoute(engine))
  control.route('/envelopes', envelopeRoutes(engine))
  control.route('/requests', requestRoutes(engine))
  control.route('/faults', faultRoutes(engine.faults))
  control.route('/clock', clockRoutes(engine.clock))
  control.put('/target', async (c) => {
    const { target } = await readFields(c.req, ['target'])
    if (target !== null && typeof target !== 'string') {
      throw invalidOption('target', 'a URL, or null for nowhere')
    }
    engine.setTarget(target ?? undefined)
    return c.json({ target: engine.target })
  })
  control.post('/target/probe', async (c) => {
    await readFields(c.req, [])
    return c.json(await probe(engine))
  })
  control.post('/reset', async (c) => {
    await readFields(c.req, [])
    await engine.reset()
    return c.json(viewState(engine, settings))
  })
  control.all('*', ({ req }) => {
    throw new Refusal('route-unknown', { method: req.method, path: req.path })
  })
  return control
}

/** Names the version; keeps answers out of caches and of other pages. */
async function addHeaders(c: Context, next: Next): Promise<void> {
  await next()
  c.res.headers.set(VERSION_HEADER, CONTROL_VERSION)
  c.res.headers.set('cache-control', 'no-store')
  c.res.headers.set('x-content-type-options', 'nosniff')
  c.res.headers.set('cross-origin-resource-policy', 'same-origin')
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

async function probe(engine: Engine): Promise<ProbeView> {
  const { target } = engine
  const result = await engine.probe()
  if (result === undefined) throw new Refusal('target-missing')
  const { response, failure, timings } = result
  return {
    target,
    ok: response !== undefined,
    status: response?.status ?? null,
    error: failure?.error ?? null,
    errorCode: failure?.code ?? null,
    ms: Math.round(timings.totalMs),
  }
}
