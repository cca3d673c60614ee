import type { Receiver, WebhookEvent } from '@hongbao/core'
import { createWebhooks } from '@hongbao/core'
import { signDelivery } from '@hongbao/core/testing'
import { redisInbox } from '@hongbao/redis'
import { Redis } from 'ioredis'
import { setTimeout } from 'node:timers/promises'
import { createSentinel } from 'redis'
import { afterAll, beforeAll, describe, expect, it, onTestFinished, vi } from 'vitest'
import type { Host } from '../conformance/host.ts'
import { fastifyHost } from '../conformance/hosts/fastify.ts'
import { honoHost } from '../conformance/hosts/hono.ts'
import { hasRedis, type RedisServer } from '../servers/redis.ts'
import { startSentinelGroup, type SentinelGroup } from '../servers/sentinel.ts'
import { eventually, newEvent, startWatch } from './outage-stage.ts'
import { runReadme } from './outage-readmes.ts'
import { PINGPP } from './outage-subjects.ts'

/** A way in which a group gets another primary. */
type Failover = (group: SentinelGroup, primary: RedisServer) => Promise<void>

// How soon the README promises that events are accepted again, once the sentinels agree.
const PLANNED_MS = 5000
const CRASHED_MS = 15_000
// Below this the figures would prove nothing.
const ENOUGH = 20

describe.skipIf(!hasRedis)('on Redis Sentinel, with the settings of the README', () => {
  beforeAll(() => {
    for (const method of ['error', 'warn'] as const) vi.spyOn(console, method).mockReturnValue()
  })

  afterAll(() => void vi.restoreAllMocks())

  it('a planned failover loses no event, and no key except those applied while it ran [E47]', async () => {
    await expectSafe(PLANNED_MS, (group) => group.failOver())
  })

  it('a planned failover after CLIENT PAUSE applies no event twice [E47]', async () => {
    const forgotten = await expectSafe(PLANNED_MS, async (group, primary) => {
      await command(primary, 'CLIENT', 'PAUSE', '10000', 'WRITE')
      await group.failOver()
    })
    expect(forgotten).toEqual([])
  })

  it('a crash of the primary loses no event, and no key except those applied right before it [E48]', async () => {
    await expectSafe(CRASHED_MS, async (group, primary) => {
      await primary.kill()
      await group.waitForOther(primary)
    })
  })
})

/** Lets events flow to two apps through a failover, and sends all again. Returns what Redis forgot. */
async function expectSafe(promisedMs: number, failOver: Failover): Promise<WebhookEvent[]> {
  const group = await startSentinelGroup({ settings: { 'min-replicas-to-write': 1 } })
  onTestFinished(() => group.close())
  const apps = await Promise.all([openIoredis(group), openNodeRedis(group)])
  const flows = apps.map(startFlow)
  await eventually(async () => expectEach(flows, ({ answered }) => answered.length))

  const primary = await group.primary()
  const before = flows.map(({ answered }) => [...answered])
  await replicate(primary)
  await failOver(group, primary)

  const watch = startWatch()
  const successor = await group.primary()
  await Promise.all(apps.map((app) => waitUntilMarked(app, successor)))
  expect(watch.stop()).toBeLessThan(promisedMs)
  const after = await Promise.all(flows.map(collect))

  const forgotten = await Promise.all(
    flows.map(async (flow, at) => {
      await flow.stop()
      expect(flow.answered.filter((event) => flow.app.count(event) === 0)).toEqual([])
      const unknown = await sendAgain(flow)
      const spared = new Set([...(before[at] ?? []), ...(after[at] ?? [])])
      expect(unknown.filter((event) => spared.has(event))).toEqual([])
      return unknown
    }),
  )
  return forgotten.flat()
}

/**
 * Returns what ran once more, and what would: the new primary has seen it begin and not end, so it is
 * busy until its lease is over.
 */
async function sendAgain({ app, answered }: Flow): Promise<WebhookEvent[]> {
  const unknown: WebhookEvent[] = []
  for (const event of answered) {
    const runs = app.count(event)
    const status = await app.post(event)
    if (status !== 200 || app.count(event) > runs) unknown.push(event)
  }
  return unknown
}

function expectEach(flows: readonly Flow[], measure: (flow: Flow) => number): void {
  for (const flow of flows) expect(measure(flow)).toBeGreaterThanOrEqual(ENOUGH)
}

interface App {
  /** Delivers once, as Ping++ would. Returns the status. */
  post(event: WebhookEvent): Promise<number>
  /** How often it was applied. */
  count(event: WebhookEvent): number
}

/** Events that come one after the other, each once. */
interface Flow {
  readonly app: App
  /** What was answered 200, in order. */
  readonly answered: WebhookEvent[]
  stop(): Promise<void>
}

function startFlow(app: App): Flow {
  const answered: WebhookEvent[] = []
  const end = new AbortController()

  async function run(): Promise<void> {
    while (!end.signal.aborted) {
      const event = newEvent()
      if ((await app.post(event)) === 200) answered.push(event)
      await setTimeout(20)
    }
  }

  async function stop(): Promise<void> {
    end.abort()
    await running
  }

  const running = run()
  onTestFinished(stop)
  return { app, answered, stop }
}

/** What is sent from now on. */
async function collect({ answered }: Flow): Promise<WebhookEvent[]> {
  // The next one may be on its way already.
  const begin = answered.length + 1
  await eventually(async () => expect(answered.length).toBeGreaterThan(begin + ENOUGH))
  return answered.slice(begin)
}

/** The app of the README. */
async function openIoredis(group: SentinelGroup): Promise<App> {
  const addresses = group.sentinels.map(({ host, port }) => `${host}:${port}`)
  const { webhooks, redis } = await runReadme<{ webhooks: Applied; redis: Redis }>(['redis', 3], {
    PINGPP_PUBLIC_KEY: PINGPP.publicKey,
    REDIS_SENTINELS: addresses.join(),
  })
  onTestFinished(() => redis.disconnect())
  return openApp(fastifyHost, webhooks)
}

/** As the README's table of clients has it. */
async function openNodeRedis({ name, sentinels }: SentinelGroup): Promise<App> {
  const sentinel = createSentinel({ name, sentinelRootNodes: [...sentinels] })
  sentinel.on('error', () => {})
  await sentinel.connect()
  onTestFinished(() => sentinel.destroy())
  const inbox = redisInbox({
    consumer: 'orders',
    client: { sendCommand: (args, options) => sentinel.sendCommand(false, args, options) },
  })
  return openApp(honoHost, createWebhooks({ publicKey: PINGPP.publicKey, inbox, logger: false }))
}

type Applied = Receiver & { on(type: '*', handler: (event: WebhookEvent) => void): Receiver }

async function openApp(host: Host, webhooks: Applied): Promise<App> {
  const runs = new Map<string, number>()
  webhooks.on('*', ({ id }) => void runs.set(id ?? '', countOf(id) + 1))
  const running = await host.start(webhooks)
  onTestFinished(() => running.close())

  function countOf(id: string | undefined): number {
    return runs.get(id ?? '') ?? 0
  }

  async function post(event: WebhookEvent): Promise<number> {
    const url = `http://127.0.0.1:${running.port}/webhooks`
    const response = await fetch(url, signDelivery(event, PINGPP).init())
    await response.arrayBuffer()
    return response.status
  }

  return { post, count: ({ id }) => countOf(id) }
}

/** Until the replicas have all that was written so far. */
async function replicate(primary: RedisServer): Promise<void> {
  const client = new Redis(primary.url)
  await client.set('so far', 'written')
  expect(await client.wait(2, 0)).toBe(2)
  client.disconnect()
}

/** Until what the app applies is on this server. */
async function waitUntilMarked(app: App, server: RedisServer): Promise<void> {
  await eventually(async () => {
    const event = newEvent()
    expect(await app.post(event)).toBe(200)
    const { id } = event.data.object as { readonly id: string }
    expect(await command(server, 'KEYS', `*${id}*`)).toHaveLength(1)
  })
}

async function command(server: RedisServer, name: string, ...args: string[]): Promise<unknown> {
  const client = new Redis(server.url)
  try {
    return await client.call(name, ...args)
  } finally {
    client.disconnect()
  }
}
