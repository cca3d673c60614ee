import { Hono, type Context, type Next } from 'hono'
import type { SandboxEvent } from '../../engine/engine.ts'
import type { Sandbox } from '../../sandbox.ts'
import { clockRoutes, viewClock, type ClockView } from './clock-routes.ts'
import { answerError, Refusal } from './control-error.ts'
import { envelopeRoutes, eventRoutes, triggerRoute } from './event-routes.ts'
import { faultRoutes } from './fault-routes.ts'
import { invalidField, readFields } from './fields.ts'
import { guard } from './guard.ts'
import { streamRecords } from './record-stream.ts'
import { CONTROL_VERSION, VERSION_HEADER } from '../version.ts'

export interface ControlOptions {
  /** Pause between heartbeats of a stream. Default: 15,000. */
  readonly heartbeatMs?: number | undefined
}

export interface StateView extends Pick<
  Sandbox,
  'url' | 'target' | 'keyFingerprint' | 'publicKey'
> {
  readonly clock: ClockView
  /** Number of events by status. */
  readonly events: Readonly<Record<SandboxEvent['status'], number>>
  /** Number of faults. */
  readonly faults: number
}

/**
 * Controls a sandbox over HTTP, for the command line and for programs in other languages; mounted at
 * `/_sandbox`. JSON in, JSON out; errors as `{ error: { code, message } }`. No answer contains a
 * private key or an API key.
 */
export function createControl(sandbox: Sandbox, options: ControlOptions = {}): Hono {
  const { heartbeatMs = 15_000 } = options
  const control = new Hono()
  control.onError(answerError)
  control.use(addHeaders, guard)

  control.get('/ready', (c) => c.json({ ready: true }))
  control.get('/state', (c) => c.json(viewState(sandbox)))
  control.get('/stream', (c) => streamRecords(c, sandbox, heartbeatMs))
  control.route('/events', eventRoutes(sandbox))
  control.post('/trigger', triggerRoute(sandbox))
  control.route('/envelopes', envelopeRoutes(sandbox))
  control.route('/faults', faultRoutes(sandbox))
  control.route('/clock', clockRoutes(sandbox.clock))
  control.put('/target', async (c) => {
    const { target } = await readFields(c.req, ['target'])
    if (target !== null && typeof target !== 'string') {
      throw invalidField('target', 'a URL, or null for nowhere')
    }
    sandbox.setTarget(target ?? undefined)
    return c.json({ target: sandbox.target })
  })
  control.post('/reset', async (c) => {
    await readFields(c.req, [])
    await sandbox.reset()
    return c.json(viewState(sandbox))
  })
  control.all('*', ({ req }) => {
    throw new Refusal(404, 'route-unknown', `The control API has no ${req.method} ${req.path}.`)
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

function viewState(sandbox: Sandbox): StateView {
  const { url, target, keyFingerprint, publicKey } = sandbox
  const events = { pending: 0, delivered: 0, exhausted: 0, undelivered: 0 }
  for (const { status } of sandbox.events()) events[status] += 1
  const clock = viewClock(sandbox.clock)
  return {
    url,
    target,
    keyFingerprint,
    publicKey,
    clock,
    events,
    faults: sandbox.faults.list().length,
  }
}
