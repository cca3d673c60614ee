import { Hono } from 'hono'
import { createApi } from './http/api/api.ts'
import type { ApiEnv } from './http/api/request.ts'
import { isoTime } from './clock/duration.ts'
import { createClock } from './clock/timer-clock.ts'
import { createControl } from './http/control/control.ts'
import { Engine } from './engine/engine.ts'
import { closedError } from './errors.ts'
import { publicPemOf } from './keys/keys.ts'
import { readOptions, type SandboxOptions, type Settings } from './options.ts'
import { EventLog } from './persist/event-log.ts'
import type { Sandbox } from './sandbox.ts'
import { listen, type Listening } from './http/server.ts'
import { createInspector } from './inspector/page.ts'
import { createFilter, waitForEvent } from './engine/wait.ts'

/**
 * Starts a local Ping++: its API and a control API on a port, and notifications to the target.
 *
 * @throws OptionError for a wrong option; SandboxError `target-…`, `host-remote`, `port-taken`
 */
export async function startSandbox(options: SandboxOptions = {}): Promise<Sandbox> {
  const settings = await readOptions(options)
  const log = settings.persist === undefined ? undefined : new EventLog(settings.persist)
  try {
    return await openSandbox(settings, log)
  } catch (error) {
    log?.close()
    throw error
  }
}

async function openSandbox(settings: Settings, log: EventLog | undefined): Promise<Sandbox> {
  // First, so that a file that cannot be read takes no port.
  const kept = log?.read()
  const engine = openEngine(settings, log)
  const api = createApi(engine, settings)
  const app = new Hono<ApiEnv>()
  const server = await listen((request, bindings) => app.fetch(request, bindings), settings)
  const sandbox = createSandbox(engine, settings, api, server, log)
  const { keyFingerprint, url, target } = sandbox
  app.route('/', api)
  app.route('/', createInspector())
  const shown = {
    ...settings,
    url,
    keyFingerprint,
    get persist() {
      return log?.isKeeping === true ? settings.persist : undefined
    },
  }
  app.route('/_sandbox', createControl(engine, shown))
  app.notFound(({ json }) => json(NOT_FOUND, 404))
  // The error of a cut connection must reach the server.
  app.onError((error) => {
    throw error
  })
  engine.journal.write({ type: 'ready', url, target, keyFingerprint, pid: process.pid })
  try {
    if (kept !== undefined) log?.attach(engine, kept)
  } catch (error) {
    await sandbox.close()
    throw error
  }
  return sandbox
}

const NOT_FOUND = {
  error: {
    type: 'invalid_request_error',
    message:
      'This is a hongbao sandbox. The API of Ping++ is below /v1, the control API below /_sandbox.',
  },
}

function openEngine(
  { speed, startMs, ...settings }: Settings,
  saver: EventLog | undefined,
): Engine {
  const clock = createClock({
    speed,
    startMs,
    onError(error) {
      const message = error instanceof Error ? `${error.name}: ${error.message}` : String(error)
      engine.journal.write({ type: 'error', message })
    },
    onMoved(fromMs, toMs) {
      engine.journal.write({ type: 'clock.moved', from: isoTime(fromMs), to: isoTime(toMs) })
    },
    onSpeed: (each) => engine.journal.write({ type: 'clock.speed', speed: each }),
  })
  const engine = new Engine({ ...settings, clock, saver })
  return engine
}

function createSandbox(
  engine: Engine,
  { key, apiKey, controlToken }: Settings,
  api: Hono<ApiEnv>,
  server: Listening,
  log: EventLog | undefined,
): Sandbox {
  const { journal } = engine
  let closing: Promise<void> | undefined

  async function close(): Promise<void> {
    // First, so that the end of the engine removes nothing from it.
    log?.close()
    closing ??= Promise.all([engine.close(), server.close()]).then(() => {})
    await closing
  }

  const { url } = server
  const publicKey = publicPemOf(key.privateKey)
  return {
    url,
    env: {
      PINGPP_BASE_URL: url,
      PINGPP_API_KEY: apiKey,
      PINGPP_PUBLIC_KEY: publicKey.trim(),
    },
    apiKey,
    publicKey,
    keyFingerprint: key.fingerprint,
    controlToken,
    get target() {
      return engine.target
    },
    clock: engine.clock,
    faults: engine.faults,
    async fetch(input, init) {
      if (closing !== undefined) throw closedError()
      return fetchFrom(api, new Request(input, init))
    },
    trigger: (type, options) => engine.trigger(type, options),
    resend: (id, resendOptions) => engine.resend(id, resendOptions),
    move: (idOrOrderNo, status) => engine.move(idOrOrderNo, status),
    event: (id) => engine.event(id),
    events: (query = {}) => engine.events().filter(createFilter(query)),
    envelope: (idOrOrderNo) => engine.find(idOrOrderNo),
    waitFor: (query, options) => waitForEvent(engine, query, options),
    setTarget: (target) => engine.setTarget(target),
    listen: (listener) => journal.listen(listener),
    journal: (afterSeq = 0) => journal.since(afterSeq),
    reset: () => engine.reset(),
    close,
    [Symbol.asyncDispose]: close,
  }
}

async function fetchFrom(api: Hono<ApiEnv>, request: Request): Promise<Response> {
  request.signal.throwIfAborted()
  try {
    return await api.fetch(request)
  } catch (error) {
    // A caller who has left sees its own reason, as from the global `fetch`.
    request.signal.throwIfAborted()
    throw error
  }
}
