import type { WebhookEvent } from '@hongbao/core'
import { eventFixture, signDelivery } from '@hongbao/core/testing'
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest'
import { startProxy, type Fault } from '../servers/proxy.ts'
import type { TestServer } from '../servers/server.ts'
import { PINGPP, type Patience, type Subject } from './outage-subjects.ts'

const OUTAGES: readonly (readonly [
  outage: string,
  begin: (server: TestServer) => Promise<void> | void,
  end: (server: TestServer) => Promise<void> | void,
])[] = [
  ['is stopped', (server) => server.stop(), (server) => server.start()],
  ['has crashed', (server) => server.kill(), (server) => server.start()],
  ['is frozen', (server) => server.freeze(), (server) => server.thaw()],
]

const FAULTS: readonly Fault[] = [
  'lose-request',
  'lose-answer',
  'swallow-request',
  'swallow-answer',
]

/**
 * What every inbox and every hand-off does about a store that fails, seen over HTTP. Each test has
 * one app, which is not started again whatever happens.
 */
export function describeOutages(subject: Subject): void {
  describe.skipIf(!subject.isHere)(`an app with ${subject.name}`, { timeout: 60_000 }, () => {
    const stage = useStage(subject)

    it.each(OUTAGES)(
      'answers 500 within 2 s while its server %s, and goes on when it is back [E6]',
      async (_, begin, end) => {
        const scene = await stage.open('default')
        const before = newEvent()
        const during = [newEvent(), newEvent(), newEvent()]
        await scene.deliver(before)
        await begin(stage.server())
        const answers = await Promise.all(during.map((event) => scene.post(event)))
        expect(answers.map(({ status }) => status)).toEqual([500, 500, 500])
        // The quickest of them: how busy this machine is, is not the question.
        expect(Math.min(...answers.map(({ ms }) => ms))).toBeLessThan(2000)
        await end(stage.server())
        for (const event of [before, ...during]) {
          await scene.deliver(event)
          await scene.expectAppliedOnce(event)
        }
      },
    )

    it('loses nothing and applies nothing twice while its server restarts [E17]', async () => {
      const scene = await stage.open('default')
      const events = Array.from({ length: 20 }, newEvent)
      const delivered = Promise.all([...events, ...events].map((event) => scene.deliver(event)))
      await stage.server().restart()
      scene.cutAll()
      await stage.server().restart()
      await delivered
      for (const event of events) await scene.expectAppliedOnce(event)
    })

    const cuts = subject.steps.flatMap(([step, request]) =>
      FAULTS.map((fault) => ({ fault, step, request })),
    )
    it.each(cuts)(
      'applies an event once though the network does this: $fault of $step [E9, E10, E11, E19]',
      async ({ fault, request }) => {
        const scene = await stage.open('short')
        await scene.deliver(newEvent())
        const event = newEvent()
        const failed = scene.failNext(request, fault)
        const { status } = await scene.post(event)
        await failed
        expect([200, 500]).toContain(status)
        // Nobody would send it again.
        if (status === 200) await scene.expectAppliedOnce(event)
        // What a client cannot know, the network tells it in the end.
        scene.cutAll()
        await scene.deliver(event)
        await scene.expectAppliedOnce(event)
      },
    )
  })
}

/** A server for the tests of a subject, and an app for each of them. */
function useStage(subject: Subject) {
  let started: TestServer | undefined
  const closers: (() => Promise<unknown>)[] = []

  beforeAll(async () => {
    started = await subject.startServer()
  }, 60_000)

  afterEach(async () => {
    server().thaw()
    await server().start()
    for (const close of closers.splice(0).toReversed()) await close()
  }, 60_000)

  afterAll(() => server().close())

  function server(): TestServer {
    if (started === undefined) throw new Error('The server has not been started.')
    return started
  }

  async function open(patience: Patience) {
    const proxy = await startProxy(server().port)
    closers.push(() => proxy.close())
    const opened = await subject.open({ proxy: proxy.port, server: server().port }, patience)
    closers.push(() => opened.close())
    const app = await subject.host.start(opened.receiver)
    closers.push(() => app.close())

    /** Delivers as Ping++ would, and tells what was answered after how long. */
    async function post(event: WebhookEvent) {
      const startedMs = performance.now()
      const url = `http://127.0.0.1:${app.port}/webhooks`
      const response = await fetch(url, signDelivery(event, PINGPP).init())
      await response.arrayBuffer()
      return { status: response.status, ms: performance.now() - startedMs }
    }

    return {
      post,
      /** Again and again, until the answer is 200. */
      deliver: (event: WebhookEvent) =>
        eventually(async () => expect(await post(event)).toMatchObject({ status: 200 })),
      expectAppliedOnce: (event: WebhookEvent) =>
        eventually(async () => expect(await opened.countEffects(event.id ?? '')).toBe(1)),
      failNext: (request: RegExp, fault: Fault) => proxy.failNext(request, fault),
      cutAll: () => proxy.cutAll(),
    }
  }

  return { server, open }
}

/** Waits for what is to come. The machine may be busy; a test that fails takes this long. */
function eventually<Value>(check: () => Promise<Value>): Promise<Value> {
  return vi.waitFor(check, { timeout: 20_000, interval: 20 })
}

function newEvent(): WebhookEvent {
  return eventFixture('red_envelope.sent')
}
