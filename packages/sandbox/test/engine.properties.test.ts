import { once } from 'node:events'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import * as fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import type { Engine } from '../src/engine/engine.ts'
import type { Attempt, SandboxEvent } from '../src/events/sandbox-event.ts'
import type { FaultRule, WebhookFaultKind } from '../src/faults/fault-kind.ts'
import { isGenuine, openEngine, START_MS } from './open-engine.ts'

// The guide's note 5, written out: how long after an attempt the next one comes.
const GAPS_MS = [
  5000, 10_000, 120_000, 300_000, 600_000, 1_800_000, 3_600_000, 7_200_000, 21_600_000, 54_000_000,
]
const POSTS = 11
const DAY_AND_HOUR_MS = 25 * 60 * 60 * 1000

// Hundreds of stories take seconds, and longer on a machine that is busy.
vi.setConfig({ testTimeout: 60_000 })

describe('the engine, whatever happens', () => {
  it('sends one event as the same bytes under one signature at every attempt', async () => {
    const texts = fc.string({ unit: 'binary', maxLength: 40 }).filter((text) => text.isWellFormed())
    await fc.assert(
      fc.asyncProperty(texts, texts, failures(), async (subject, key, failed) => {
        const posts: { body: Buffer; signature: string | undefined }[] = []
        const engine = openEngine({
          async target(request) {
            const body = Buffer.from(await request.arrayBuffer())
            const signature = request.headers.get('x-pingplusplus-signature') ?? undefined
            posts.push({ body, signature })
            return new Response(null, { status: posts.length > failed ? 200 : 500 })
          },
        })
        const metadata = { [`_${key}`]: subject }
        const event = engine.trigger('red_envelope.sent', { object: { subject, metadata } })
        await engine.clock.drain()
        expect(posts).toHaveLength(Math.min(failed + 1, POSTS))
        for (const { body, signature } of posts) {
          expect(body.equals(event.bytes)).toBe(true)
          expect(signature).toBe(event.signature)
        }
        expect(posts.every(isGenuine)).toBe(true)
        expect(JSON.parse(event.bytes.toString())).toMatchObject({
          data: { object: { subject, metadata } },
        })
      }),
      { numRuns: 30 },
    )
  })

  it('sends at exactly the times of the schedule, however the clock is moved', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(failures(), { minLength: 1, maxLength: 5 }),
        fc.array(move(), { maxLength: 30, size: 'max' }),
        async (failuresOf, moves) => {
          const engine = openEngine({ target: failingApp(failuresOf) })
          const events: SandboxEvent[] = []
          const triggeredMs: number[] = []
          for (const [at] of failuresOf.entries()) {
            triggeredMs.push(engine.clock.now())
            events.push(engine.trigger('charge.succeeded', { object: { order_no: String(at) } }))
            await make(engine, moves[at])
          }
          for (const each of moves.slice(failuresOf.length)) await make(engine, each)
          await engine.clock.drain()
          for (const [at, failed] of failuresOf.entries()) {
            const { attempts = [], status } = engine.event(String(events[at]?.id)) ?? {}
            const startsMs = startsAfter(Number(triggeredMs[at]), failed)
            expect(attempts.map(({ startedMs }) => startedMs)).toEqual(startsMs)
            expect(attempts.map(({ n }) => n)).toEqual(startsMs.map((_, place) => place + 1))
            expect(status).toBe(failed < POSTS ? 'delivered' : 'exhausted')
          }
        },
      ),
      { numRuns: 100 },
    )
  })

  it('keeps the order: of time, and within an instant that in which events were caused', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.tuple(failures(), fc.constantFrom(0, 0, 1, 5000, 15_000)), {
          minLength: 1,
          maxLength: 12,
        }),
        async (given) => {
          const seen: { ms: number; order: number; post: number }[] = []
          const posts = new Map<number, number>()
          const engine = openEngine({
            async target(request) {
              const order = await orderIn(request)
              const post = (posts.get(order) ?? 0) + 1
              posts.set(order, post)
              seen.push({ ms: engine.clock.now(), order, post })
              return new Response(null, { status: post > Number(given[order]?.[0]) ? 200 : 500 })
            },
          })
          for (const [order, [, pauseMs]] of given.entries()) {
            engine.trigger('charge.succeeded', { object: { order_no: String(order) } })
            await engine.clock.advance(pauseMs)
          }
          await engine.clock.drain()
          for (const [at, { ms, order, post }] of seen.slice(1).entries()) {
            const before = seen[at]
            expect(ms).toBeGreaterThanOrEqual(Number(before?.ms))
            // The same attempt of events of the same instant: the earlier event first.
            const isSameStep = before?.ms === ms && before.post === post
            expect(!isSameStep || before.order < order).toBe(true)
          }
        },
      ),
      { numRuns: 100 },
    )
  })

  it('loses no notification and invents none, under any mix of faults and moves', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(action(), { maxLength: 40, size: 'max' }),
        fc.array(fc.constantFrom(200, 200, 500, 302, 204), { minLength: 1, maxLength: 20 }),
        fc.nat(1000),
        async (actions, statuses, seed) => {
          const app = strictApp(statuses)
          const engine = openEngine({ target: app.target, seed })
          const stranded = await play(engine, app, actions)
          checkEvents(engine, app, stranded)
        },
      ),
      { numRuns: 100 },
    )
  })

  it('does the same again for the same seed', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(action(), { maxLength: 30, size: 'max' }),
        fc.nat(),
        async (actions, seed) => {
          const [first, second] = [await story(), await story()]
          expect(first).toEqual(second)

          async function story(): Promise<unknown> {
            const app = strictApp([200, 500, 500])
            const engine = openEngine({ target: app.target, seed })
            await play(engine, app, actions)
            return engine.events().map(({ type, status, attempts }) => ({
              type,
              status,
              attempts: attempts.map(({ n, kind, startedMs, ok, faults }) => [
                n,
                kind,
                startedMs,
                ok,
                faults,
              ]),
            }))
          }
        },
      ),
      { numRuns: 50 },
    )
  })

  it('goes through 25 hours with 1,000 envelopes that nobody takes', async () => {
    let posts = 0
    const engine = openEngine({
      target() {
        posts += 1
        return new Response(null, { status: 500 })
      },
    })
    for (let each = 0; each < 1000; each += 1) engine.trigger('red_envelope.sent')
    await engine.clock.advance(DAY_AND_HOUR_MS)
    expect(posts).toBe(11_000)
    expect(engine.events().every(({ status }) => status === 'exhausted')).toBe(true)
    expect(engine.envelopes.list({ limit: 1000, status: 'refund' })?.data).toHaveLength(1000)
  })
})

describe('over HTTP, whatever happens', () => {
  let app: StrictApp & { close(): Promise<void> }
  beforeAll(async () => {
    app = await strictServer()
  })
  afterAll(async () => app.close())

  it('loses no notification and invents none', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(action(), { maxLength: 30, size: 'max' }),
        fc.array(fc.constantFrom(200, 200, 500), { minLength: 1, maxLength: 20 }),
        async (actions, statuses) => {
          app.restart(statuses)
          const engine = openEngine({ target: app.target, responseTimeoutMs: 30_000 })
          const stranded = await play(engine, app, actions)
          checkEvents(engine, app, stranded)
          await engine.close()
        },
      ),
      { numRuns: 15 },
    )
  })
})

/** How often an app fails before it takes an event; 11 is always. */
function failures(): fc.Arbitrary<number> {
  return fc.integer({ min: 0, max: POSTS })
}

/** When the attempts of an event are due that is taken after so many failures. */
function startsAfter(triggeredMs: number, failed: number): number[] {
  const starts = [triggeredMs]
  for (const gapMs of GAPS_MS.slice(0, failed)) starts.push(Number(starts.at(-1)) + gapMs)
  return starts
}

type Move = { readonly advanceMs: number } | 'next' | 'settled'

function move(): fc.Arbitrary<Move> {
  const ms = fc.oneof(fc.nat(20_000), fc.nat(10 * 60 * 60 * 1000), fc.constantFrom(...GAPS_MS))
  return fc.oneof(
    ms.map((advanceMs) => ({ advanceMs })),
    fc.constantFrom<Move>('next', 'settled'),
  )
}

async function make(engine: Engine, given: Move = 'settled'): Promise<void> {
  if (given === 'next') await engine.clock.next()
  else if (given === 'settled') await engine.clock.settled()
  else await engine.clock.advance(given.advanceMs)
}

type Action =
  | Move
  | { readonly trigger: 'red_envelope.sent' | 'red_envelope.received' | 'charge.succeeded' }
  | { readonly fault: FaultRule }
  | { readonly resend: number }
  /** Nobody waits for it. */
  | { readonly background: Move }
  /** The target is taken away, or given back. */
  | { readonly isThere: boolean }

function action(): fc.Arbitrary<Action> {
  return fc.oneof(
    { weight: 3, arbitrary: move() },
    {
      weight: 4,
      arbitrary: fc
        .constantFrom('red_envelope.sent', 'red_envelope.received', 'charge.succeeded')
        .map((trigger) => ({ trigger }) as const),
    },
    { weight: 4, arbitrary: fault().map((rule) => ({ fault: rule })) },
    { weight: 1, arbitrary: fc.nat(10).map((resend) => ({ resend })) },
    { weight: 1, arbitrary: move().map((background) => ({ background })) },
    { weight: 1, arbitrary: fc.boolean().map((isThere) => ({ isThere })) },
  )
}

function fault(): fc.Arbitrary<FaultRule> {
  const kinds: readonly WebhookFaultKind[] = [
    'answer-lost',
    'timeout',
    'duplicate',
    'reorder',
    'delay',
    'tampered-body',
    'tampered-signature',
    'missing-signature',
    'wrong-key',
    'escaped-body',
    'truncated-body',
    'slow-body',
    'connection-reset',
  ]
  const common = fc.record({
    times: fc.option(fc.constantFrom(1, 2, 5), { nil: undefined }),
    attempt: fc.option(fc.integer({ min: 1, max: 4 }), { nil: undefined }),
    probability: fc.option(fc.constantFrom(0.3, 0.7), { nil: undefined }),
  })
  const own: Partial<Record<WebhookFaultKind, object>> = {
    duplicate: { copies: 3, how: 'at-once' },
    delay: { delayMs: 7000 },
    reorder: { delayMs: 20_000 },
    'slow-body': { chunkBytes: 400, chunkMs: 0 },
  }
  return fc
    .tuple(fc.constantFrom(...kinds), common)
    .map(([kind, rule]) => ({ ...rule, ...own[kind], kind }))
}

async function act(engine: Engine, app: StrictApp, given: Action): Promise<void> {
  if (typeof given === 'string' || 'advanceMs' in given) {
    await make(engine, given)
  } else if ('trigger' in given) {
    engine.trigger(given.trigger)
  } else if ('fault' in given) {
    const { kind, ...rule } = given.fault
    engine.faults.add(kind, rule)
  } else if ('resend' in given) {
    const event = engine.events()[given.resend]
    if (event !== undefined && engine.target !== null) engine.resend(event.id)
  } else if ('background' in given) {
    void make(engine, given.background)
  } else {
    engine.setTarget(given.isThere ? app.target : undefined)
  }
}

/**
 * Plays a story to its end: what has no target is sent again once there is one. Says which events had
 * none at some time.
 */
async function play(
  engine: Engine,
  app: StrictApp,
  actions: readonly Action[],
): Promise<ReadonlySet<string>> {
  const stranded = new Set<string>()
  engine.journal.listen((record) => {
    if (record.type === 'event.undelivered') stranded.add(record.event)
  })
  for (const each of actions) await act(engine, app, each)
  await engine.clock.drain()
  engine.setTarget(app.target)
  for (const { id, status } of engine.events()) {
    if (status === 'undelivered') engine.resend(id)
  }
  await engine.clock.drain()
  expect(engine.clock.pending()).toEqual([])
  return stranded
}

/** An app that fails each order so many times, and then takes it. */
function failingApp(failuresOf: readonly number[]): (request: Request) => Promise<Response> {
  const posts = new Map<number, number>()
  return async function target(request) {
    const order = await orderIn(request)
    posts.set(order, (posts.get(order) ?? 0) + 1)
    const hasFailed = Number(posts.get(order)) <= Number(failuresOf[order])
    return new Response(null, { status: hasFailed ? 500 : 200 })
  }
}

async function orderIn(request: Request): Promise<number> {
  const { data } = (await request.json()) as { data: { object: { order_no: string } } }
  return Number(data.object.order_no)
}

/** An app that does everything right: takes genuine events alone, each once, and not always at the first try. */
interface StrictApp {
  readonly target: string | ((request: Request) => Promise<Response>)
  /** Complete posts, as they came in: the event's id, and the status that was answered. */
  readonly posts: { readonly id: string | undefined; readonly status: number }[]
  /** Events that were applied: for how many posts. */
  readonly applied: Map<string, number>
  restart(statuses: readonly number[]): void
}

function strictApp(statuses: readonly number[]): StrictApp & {
  readonly target: (request: Request) => Promise<Response>
  answer(body: Buffer, signature: string | undefined): number
} {
  let next = 0
  let answers = statuses
  const app = {
    posts: [] as { id: string | undefined; status: number }[],
    applied: new Map<string, number>(),
    restart(given: readonly number[]) {
      app.posts.length = 0
      app.applied.clear()
      answers = given
      next = 0
    },
    answer(body: Buffer, signature: string | undefined): number {
      const isSigned = isGenuine({ body, signature })
      const id = isSigned ? (JSON.parse(body.toString()) as { id: string }).id : undefined
      const status = id === undefined ? 401 : take()
      app.posts.push({ id, status })
      if (id !== undefined && status >= 200 && status < 300) {
        app.applied.set(id, (app.applied.get(id) ?? 0) + 1)
      }
      return status
    },
    async target(request: Request): Promise<Response> {
      try {
        const body = Buffer.from(await request.arrayBuffer())
        const signature = request.headers.get('x-pingplusplus-signature') ?? undefined
        return new Response(null, { status: app.answer(body, signature) })
      } catch {
        return new Response(null, { status: 400 })
      }
    },
  }
  return app

  function take(): number {
    next += 1
    return answers[next % answers.length] ?? 200
  }
}

/** The same app behind a real server. */
async function strictServer(): Promise<StrictApp & { close(): Promise<void> }> {
  const app = strictApp([200])
  const server = createServer((request, response) => void receive(request, response))
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  return {
    ...app,
    target: `http://127.0.0.1:${port}/webhooks`,
    async close() {
      server.close()
      server.closeAllConnections()
      await once(server, 'close')
    },
  }

  async function receive(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const chunks: Buffer[] = []
    try {
      for await (const chunk of request) chunks.push(chunk as Buffer)
    } catch {
      return
    }
    const signature = request.headers['x-pingplusplus-signature'] as string | undefined
    response.writeHead(app.answer(Buffer.concat(chunks), signature)).end()
  }
}

const BROKEN = new Set(['truncated-body', 'connection-reset'])
const UNSIGNED = new Set([
  'tampered-body',
  'escaped-body',
  'tampered-signature',
  'missing-signature',
  'wrong-key',
])
const LOST = new Set(['answer-lost', 'timeout'])
const HELD = new Set(['delay', 'reorder'])

/** What must hold at the end of any story, by the guide's note 5 and by what the faults say of themselves. */
function checkEvents(engine: Engine, app: StrictApp, stranded: ReadonlySet<string>): void {
  const events = engine.events()
  for (const event of events) {
    checkEnd(event, app)
    checkSchedule(event, stranded.has(event.id))
    for (const attempt of event.attempts) checkAttempt(attempt)
  }
  const attempts = events.flatMap((event) => event.attempts)
  const complete = attempts.filter(({ faults }) => !faults.some((kind) => BROKEN.has(kind)))
  // Nothing that was not recorded has come, and all that was recorded has.
  expect(app.posts).toHaveLength(complete.length)
  const genuine = complete.filter(({ faults }) => !faults.some((kind) => UNSIGNED.has(kind)))
  expect(app.posts.filter(({ id }) => id !== undefined)).toHaveLength(genuine.length)
  const known = new Set(events.map(({ id }) => id))
  expect([...app.applied.keys()].filter((id) => !known.has(id))).toEqual([])
}

/** Every event ends delivered or exhausted, and what is delivered has been applied. */
function checkEnd({ id, status, attempts }: SandboxEvent, app: StrictApp): void {
  const hasCounted = attempts.some(({ ok }) => ok)
  expect(status).toBe(hasCounted ? 'delivered' : 'exhausted')
  if (status === 'delivered') expect(app.applied.has(id)).toBe(true)
}

/**
 * Attempts of the schedule are 1, 2, 3, … at its gaps; those that a fault held back come later, never
 * sooner, and those that had no target when the target is back.
 */
function checkSchedule({ status, attempts }: SandboxEvent, wasStranded: boolean): void {
  const scheduled = attempts.filter(({ kind }) => kind === 'scheduled')
  expect(scheduled.map(({ n }) => n)).toEqual(scheduled.map((_, at) => at + 1))
  if (status === 'exhausted') expect(scheduled).toHaveLength(POSTS)
  for (const [at, { startedMs, faults }] of scheduled.slice(1).entries()) {
    const passedMs = startedMs - Number(scheduled[at]?.startedMs)
    const isHeld = faults.some((kind) => HELD.has(kind))
    const lateMs = passedMs - Number(GAPS_MS[at])
    expect(lateMs).toBeGreaterThanOrEqual(0)
    const latestMs = isHeld ? 20_000 : 0
    expect(lateMs).toBeLessThanOrEqual(wasStranded ? Infinity : latestMs)
  }
  expect(scheduled.every(({ startedMs }) => startedMs >= START_MS)).toBe(true)
  // After a 2xx that counted, the schedule is over.
  const counted = scheduled.findIndex(({ ok }) => ok)
  expect(counted === -1 || counted === scheduled.length - 1).toBe(true)
}

function checkAttempt({ ok, response, faults }: Attempt): void {
  const isLost = faults.some((kind) => LOST.has(kind) || BROKEN.has(kind))
  const isTaken = response !== undefined && response.status >= 200 && response.status < 300
  expect(ok).toBe(isTaken && !isLost)
}
