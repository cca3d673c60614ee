import type { WebhookEvent } from '@hongbao/core'
import { eventFixture, signDelivery } from '@hongbao/core/testing'
import { afterAll, afterEach, beforeAll, expect, vi } from 'vitest'
import { startProxy, type Proxy } from '../servers/proxy.ts'
import type { TestServer } from '../servers/server.ts'
import {
  PINGPP,
  type OpenSubject,
  type Patience,
  type Ports,
  type Subject,
} from './outage-subjects.ts'
import { PATIENCE_MS } from '../patience.ts'

/** The fixture of the tests of a subject. */
export interface Stage {
  server(): TestServer
  /** Starts an app, by a proxy that is its own. It ends with the test. */
  open(patience: Patience): Promise<Scene>
  /**
   * The same with the app that the README of its package shows, and with nothing but that. Its effects
   * are counted on the server that it has `after` its name has moved, if it moves.
   */
  openReadme(after?: Pick<TestServer, 'port'>): Promise<Scene>
}

/** An app whose way to its store can be made to fail. */
export interface Scene extends Pick<Proxy, 'failNext' | 'limit' | 'moveTo' | 'cutAll'> {
  /** Delivers as Ping++ would. */
  post(event: WebhookEvent): Promise<Answer>
  /** Again and again, until the answer is 200. */
  deliver(event: WebhookEvent): Promise<void>
  expectAppliedOnce(event: WebhookEvent): Promise<void>
}

/** The answer and its duration, not counting how long this process was held up. */
export interface Answer {
  readonly status: number
  readonly ms: number
}

/** A server for the tests of a subject, and an app for each of them. */
export function useStage(
  subject: Pick<Subject, 'startServer' | 'open' | 'openReadme' | 'host'>,
): Stage {
  let started: TestServer | undefined
  const closers: (() => Promise<unknown>)[] = []

  beforeAll(async () => {
    started = await subject.startServer()
  })

  afterEach(async () => {
    server().thaw()
    await server().start()
    for (const close of closers.splice(0).toReversed()) await close()
  })

  afterAll(() => server().close())

  function server(): TestServer {
    if (started === undefined) throw new Error('The server has not been started.')
    return started
  }

  async function stageApp(
    open: (ports: Ports) => Promise<OpenSubject>,
    { port }: Pick<TestServer, 'port'> = server(),
  ): Promise<Scene> {
    const proxy = await startProxy(server().port)
    closers.push(() => proxy.close())
    const opened = await open({ proxy: proxy.port, server: port })
    closers.push(() => opened.close())
    const app = await subject.host.start(opened.receiver)
    closers.push(() => app.close())

    async function post(event: WebhookEvent): Promise<Answer> {
      const url = `http://127.0.0.1:${app.port}/webhooks`
      const signed = signDelivery(event, PINGPP).init()
      const watch = startWatch()
      const response = await fetch(url, signed)
      await response.arrayBuffer()
      return { status: response.status, ms: watch.stop() }
    }

    return {
      post,
      deliver: (event) =>
        eventually(async () => expect(await post(event)).toMatchObject({ status: 200 })),
      expectAppliedOnce: (event) =>
        eventually(async () => expect(await opened.countEffects(event.id ?? '')).toBe(1)),
      failNext: (request, fault) => proxy.failNext(request, fault),
      limit: (bytesPerSecond) => proxy.limit(bytesPerSecond),
      moveTo: (serverPort) => proxy.moveTo(serverPort),
      cutAll: () => proxy.cutAll(),
    }
  }

  return {
    server,
    open: (patience) => stageApp((ports) => subject.open(ports, patience)),
    openReadme: (after) => stageApp((ports) => subject.openReadme(ports), after),
  }
}

/**
 * Measures what an app takes, which runs in this process. The machine may be busy, and hold up all of
 * it: that is no time that the app takes. A late tick shows by how much.
 */
export function startWatch(): { stop(): number } {
  const startedMs = performance.now()
  let tickedMs = startedMs
  let lateMs = 0
  const timer = setInterval(tick, TICK_MS)

  function tick(): void {
    const nowMs = performance.now()
    lateMs += Math.max(nowMs - tickedMs - TICK_MS, 0)
    tickedMs = nowMs
  }

  return {
    stop() {
      clearInterval(timer)
      tick()
      // Every tick is a little late, which adds up to nothing to speak of.
      return tickedMs - startedMs - (lateMs > STALL_MS ? lateMs : 0)
    },
  }
}

const TICK_MS = 20
const STALL_MS = 200

/** Waits for what is to come. The machine may be busy; a test that fails takes this long. */
export function eventually<Value>(check: () => Promise<Value>): Promise<Value> {
  return vi.waitFor(check, { timeout: PATIENCE_MS, interval: 20 })
}

export function newEvent(): WebhookEvent {
  return eventFixture('red_envelope.sent')
}
