import { Hono, type Context, type Next } from 'hono'
import { clockRoutes, viewClock, type ClockView } from './control/clock-routes.ts'
import { envelopeRoutes } from './control/envelope-routes.ts'
import { eventRoutes, triggerRoutes } from './control/event-routes.ts'
import { faultRoutes } from './control/fault-routes.ts'
import { readFields, refuseUnknown, wrong, type Fields } from './control/fields.ts'
import { guard } from './control/guard.ts'
import { isStreamFormat, streamRecords } from './control/record-stream.ts'
import { answerError, Refusal } from './control/refusal.ts'
import { CONTROL_VERSION, VERSION_HEADER } from './control/version.ts'
import type { SandboxEvent } from '../engine/engine.ts'
import type { Sandbox } from '../sandbox.ts'

export interface ControlOptions {
  /** Pause between signs of life on a stream. Default: 15,000. */
  readonly heartbeatMs?: number | undefined
}

/** A sandbox at a glance. */
export interface StateView {
  readonly url: string
  readonly target: string | null
  readonly keyFingerprint: string
  readonly publicKey: string
  readonly clock: ClockView
  /** How many there are, by status. */
  readonly events: Readonly<Record<SandboxEvent['status'], number>>
  /** How many are in force. */
  readonly faults: number
}

/**
 * Controls a sandbox over HTTP, for the command line and for programs in other languages; mounted at
 * `/_sandbox`. JSON in, JSON out; errors as `{ error: { code, message } }`; no private key and no API
 * key in any answer.
 */
export function createControl(sandbox: Sandbox, options: ControlOptions = {}): Hono {
  const { heartbeatMs = 15_000 } = options
  const control = new Hono()
  control.onError(answerError)
  control.use(addHeaders, guard)

  control.get('/ready', (c) => c.json({ ready: true }))
  control.get('/state', (c) => c.json(viewState(sandbox)))
  control.get('/stream', ({ req }) => {
    const asked = req.query()
    refuseUnknown(asked, ['event', 'format', 'after'])
    const { event, format = 'sse', after = req.header('last-event-id') } = asked
    if (!isStreamFormat(format)) throw wrong('format', '`sse` or `ndjson`')
    return streamRecords(sandbox, { afterSeq: readSeq(after), event, format, heartbeatMs })
  })
  control.route('/events', eventRoutes(sandbox))
  control.route('/trigger', triggerRoutes(sandbox))
  control.route('/envelopes', envelopeRoutes(sandbox))
  control.route('/faults', faultRoutes(sandbox))
  control.route('/clock', clockRoutes(sandbox.clock))
  control.put('/target', async (c) => {
    sandbox.setTarget(readTarget(await readFields(c.req, ['target'])))
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

/** Names the version, and keeps answers out of caches, and of pages that embed them as something else. */
async function addHeaders(c: Context, next: Next): Promise<void> {
  await next()
  c.res.headers.set(VERSION_HEADER, CONTROL_VERSION)
  c.res.headers.set('cache-control', 'no-store')
  c.res.headers.set('x-content-type-options', 'nosniff')
  c.res.headers.set('cross-origin-resource-policy', 'same-origin')
}

function viewState(sandbox: Sandbox): StateView {
  const { url, target, keyFingerprint, publicKey, clock, faults } = sandbox
  const events = { pending: 0, delivered: 0, exhausted: 0, undelivered: 0 }
  for (const { status } of sandbox.events()) events[status] += 1
  return {
    url,
    target,
    keyFingerprint,
    publicKey,
    clock: viewClock(clock),
    events,
    faults: faults.list().length,
  }
}

function readSeq(after = '0'): number {
  if (/^\d{1,15}$/.test(after)) return Number(after)
  throw wrong('after', 'the `seq` of a record')
}

function readTarget({ target }: Fields): string | undefined {
  if (target === null) return undefined
  if (typeof target === 'string') return target
  throw wrong('target', 'a URL, or null for nowhere')
}
