import {
  createTestKeys,
  eventFixture,
  signDelivery,
  type SignedDelivery,
} from '@hongbao/core/testing'
import { postgresInbox } from '@hongbao/postgres'
import { Redis } from 'ioredis'
import { createPrivateKey } from 'node:crypto'
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest'
import { seeded } from '../../packages/core/test/seeded.ts'
import { openPool, startPostgres } from '../servers/postgres.ts'
import { hasRedis, startRedis } from '../servers/redis.ts'
import type { TestServer } from '../servers/server.ts'
import { POOL_SIZE, type HerdTask } from './herd-app.ts'
import { CONNECTIONS, sendHerd, startHerdApp, type HerdApp } from './herd.ts'
import { PATIENCE_MS } from '../patience.ts'

const keys = createTestKeys()
/** What failed comes again spread out: on a busy machine 500 at once could fail again and again. */
const CONNECTIONS_OF_RETRIES = 40
// Read once: reading it takes as long as signing with it.
const privateKey = createPrivateKey(keys.privateKey)

/** Where the app remembers events, and has its effects. */
interface Store {
  readonly name: HerdTask['store']
  readonly isHere: boolean
  /** How many there are for handlers: those of the pool, or if they need none, those by HTTP. */
  readonly connections: number
  start(): Promise<StartedStore>
}

interface StartedStore {
  readonly server: TestServer
  readonly url: string
  /** The ids of the events that were applied, once for each time. */
  applied(): Promise<string[]>
  close(): Promise<void>
}

const STORES: readonly Store[] = [
  { name: 'postgres', isHere: true, connections: POOL_SIZE, start: openPostgres },
  { name: 'redis', isHere: hasRedis, connections: CONNECTIONS, start: openRedis },
]

describe.each(STORES.filter(({ isHere }) => isHere))(
  'an app with an inbox on $name',
  { timeout: 5 * PATIENCE_MS },
  (store) => {
    const stage = useApp(store)

    it('applies once every event that is overdue after an outage, 5,000 deliveries at once [E36]', async () => {
      await stage.sendUntilAnswered(stage.next(CONNECTIONS))
      const heldBefore = await stage.heldBytes()
      const events = stage.next(3000)

      stage.server().freeze()
      const first = await stage.send(events.slice(0, 500))
      const heldMeanwhile = await stage.heldBytes()
      const second = await stage.send(events.slice(500, 1500))
      const answers = [first, second].map(({ statuses, dropped }) => [[...statuses], dropped])
      expect(answers).toEqual([
        [[500], 0],
        [[500], 0],
      ])
      await stage.expectForgotten(events.slice(500, 1500), heldMeanwhile)
      stage.server().thaw()

      // Two of three are delivered twice, one delivery right after the other.
      const herd = events.flatMap((event, at) => (at % 3 === 0 ? [event] : [event, event]))
      await stage.sendUntilAnswered(herd)
      expect(await stage.appliedOf(events)).toEqual(idsOf(events))
      await stage.expectForgotten(herd, heldBefore)
    })

    it('applies 300 events once, ten deliveries of each, in any order [E5]', async () => {
      // On a busy machine an answer takes its time. That is no outage here.
      await stage.restartApp(20_000)
      const events = stage.next(300)
      await stage.sendUntilAnswered(shuffle(Array.from({ length: 10 }, () => events).flat()))
      expect(await stage.appliedOf(events)).toEqual(idsOf(events))
    })

    it('runs no more handlers at once than it has connections [E36]', async () => {
      await stage.sendUntilAnswered(stage.next(CONNECTIONS))
      expect((await stage.app().report()).mostAtOnce).toBeLessThanOrEqual(store.connections)
    })
  },
)

/** An event as Ping++ sends it each time. */
interface Signed extends SignedDelivery {
  readonly id: string
}

const signed: Signed[] = []

/** The stores get the same events, because signing is most of what this process does. None gets one twice. */
function createEvents(): (count: number) => Signed[] {
  let given = 0
  return function next(count) {
    while (signed.length < given + count) signed.push(sign())
    given += count
    return signed.slice(given - count, given)
  }
}

function sign(): Signed {
  const event = eventFixture('red_envelope.sent')
  return { id: String(event.id), ...signDelivery(event, { privateKey }) }
}

/** The app and its store, and what the tests do to them. */
function useApp(store: Store) {
  let started: StartedStore | undefined
  let running: HerdApp | undefined

  beforeAll(async () => {
    started = await store.start()
    await restartApp(1000)
  })

  afterEach(() => started?.server.thaw())

  afterAll(async () => {
    await running?.close()
    await started?.close()
  })

  async function restartApp(patienceMs: number): Promise<void> {
    if (started === undefined) throw new Error('The store has not been started.')
    await running?.close()
    const { publicKey } = keys
    running = await startHerdApp({ store: store.name, url: started.url, publicKey, patienceMs })
  }

  function app(): HerdApp {
    if (running === undefined) throw new Error('The app has not been started.')
    return running
  }

  function server(): TestServer {
    if (started === undefined) throw new Error('The store has not been started.')
    return started.server
  }

  const send = (deliveries: readonly SignedDelivery[]) => sendHerd(app().port, deliveries)

  async function heldBytes(): Promise<number> {
    return (await app().report()).heldBytes
  }

  return {
    app,
    next: createEvents(),
    restartApp,
    server,
    send,
    heldBytes,
    /**
     * As Ping++ does: what was answered 500, or not at all, comes again. On a busy machine the app ends
     * connections that are slow.
     */
    async sendUntilAnswered(deliveries: readonly SignedDelivery[]): Promise<void> {
      const seen = new Set<number>()
      let left = deliveries
      let connections = CONNECTIONS
      await eventually(async () => {
        const { statuses, failed } = await sendHerd(app().port, left, connections)
        for (const status of statuses) seen.add(status)
        left = failed
        connections = CONNECTIONS_OF_RETRIES
        expect(left).toHaveLength(0)
      })
      expect([200, 500]).toEqual(expect.arrayContaining([...seen]))
    },
    /**
     * The app does not hold what has passed: it has grown by less than the size of the bodies.
     * Garbage is collected first, and the app is a process of its own, so this does not
     * depend on how busy the machine is. Measured: 0.1 kB of growth a delivery; a body has
     * 0.7 kB, and a caller that waits in a queue for ever 2 kB.
     */
    async expectForgotten(deliveries: readonly Signed[], heldBefore: number): Promise<void> {
      const sentBytes = deliveries.reduce((sum, { bytes }) => sum + bytes.byteLength, 0)
      await eventually(async () => {
        expect((await heldBytes()) - heldBefore).toBeLessThan(sentBytes)
      })
    },
    /** The ids of those that were applied, once for each time. */
    async appliedOf(events: readonly Signed[]): Promise<string[]> {
      const ids = new Set(idsOf(events))
      return ((await started?.applied()) ?? []).filter((id) => ids.has(id)).toSorted()
    },
  }
}

async function openPostgres(): Promise<StartedStore> {
  const server = await startPostgres()
  const pool = openPool({ connectionString: server.url })
  await postgresInbox({ pool, consumer: 'orders' }).ensureSchema()
  await pool.query('create table effects (id text not null)')
  return {
    server,
    url: server.url,
    async applied() {
      const { rows } = await pool.query<{ id: string }>('select id from effects')
      return rows.map(({ id }) => id)
    },
    async close() {
      await pool.end()
      await server.close()
    },
  }
}

async function openRedis(): Promise<StartedStore> {
  const server = await startRedis()
  const client = new Redis(server.url)
  client.on('error', () => {})
  return {
    server,
    url: server.url,
    async applied() {
      const counts = Object.entries(await client.hgetall('effects'))
      return counts.flatMap(([id, count]) => Array.from({ length: Number(count) }, () => id))
    },
    async close() {
      client.disconnect()
      await server.close()
    },
  }
}

function idsOf(events: readonly Signed[]): string[] {
  return events.map(({ id }) => id).toSorted()
}

/** Each in a place that the seed decides (Fisher and Yates). */
function shuffle<Item>(items: readonly Item[]): Item[] {
  const random = seeded(20_160_323)
  const left = [...items]
  return items.flatMap(() => left.splice(random.below(left.length), 1))
}

/** Waits for what is to come. On a busy machine thousands of deliveries take minutes; a test that fails takes this long. */
function eventually<Value>(check: () => Promise<Value>): Promise<Value> {
  return vi.waitFor(check, { timeout: 4 * PATIENCE_MS, interval: 100 })
}
