import { createWebhooks, type WebhookEvent, type Webhooks } from '@hongbao/core'
import { createTestKeys, eventFixture, signDelivery } from '@hongbao/core/testing'
import type { DeadLetter } from '@hongbao/hand-off'
import express from 'express'
import { join } from 'node:path'
import type { Pool } from 'pg'
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest'
import { openPool, startPostgres, type PostgresServer } from '../servers/postgres.ts'
import { spawnProgram, type Spawned } from '../spawned.ts'
import { openEffects, type Effects } from './hand-off-effects.ts'
import type { Broker, HandOffHost, QueueClient, Tries, Work } from './hand-off-host.ts'
import type { Task } from './hand-off-process.ts'
import { connect } from './hand-offs/connect.ts'
import { expressStart } from './hosts/express.ts'

/** What every queue promises: persisted before it is answered, applied once, failed where one sees it. */
export function describeHandOff(host: HandOffHost): void {
  describe.skipIf(!host.isHere)(`a hand-off with ${host.name}`, { timeout: 60_000 }, () => {
    const stage = useStage(host)

    it('answers for an event over Express, and a worker applies it with its bytes', async () => {
      const { send, work } = await stage.open()
      const event = eventFixture('red_envelope.sent')
      const seen: unknown[] = []
      await work(
        stage.receiver().on('*', (applied, { rawBody }) => void seen.push([applied, rawBody])),
      )
      await deliver(send, event)
      await eventually(() => expect(seen).toHaveLength(1))
      const { bytes } = signDelivery(event, keys)
      expect(seen).toEqual([[event, bytes]])
    })

    it('has persisted what it answered, whenever its process is killed [E22]', async () => {
      const { client, spawnProcess, work } = await stage.open()
      const receiver = spawnProcess('receive')
      const port = Number((await receiver.word(/^port:(\d+)$/))[1])
      const events = eventsOf(40)
      const answered: string[] = []
      await Promise.all(
        events.map(async (event) => {
          if ((await post(port, event)) !== 200) return
          answered.push(String(event.id))
          if (answered.length === 10) await receiver.kill()
        }),
      )
      expect(answered.length).toBeGreaterThanOrEqual(10)
      const persisted = new Set((await client.jobs()).map(({ eventId }) => eventId))
      expect(answered.filter((id) => !persisted.has(id))).toEqual([])
      await work(stage.applying())
      await eventually(async () => {
        expect(await stage.effectsOf(events)).toEqual([...persisted].toSorted())
      })
    })

    it.each<[string, 'stop' | 'freeze']>([
      ['is down', 'stop'],
      ['does not answer', 'freeze'],
    ])(
      'answers 500 within 2 s while its broker %s, and loses nothing [E6, E35]',
      async (_, outage) => {
        const { send, work } = await stage.open()
        const events = eventsOf(5)
        await work(stage.applying())
        await stage.broker()[outage]()
        const during = await Promise.all(events.map(send))
        expect(during).toEqual(events.map(() => 500))
        await stage.restore()
        for (const event of events) await deliver(send, event)
        await eventually(async () => {
          expect(await stage.effectsOf(events)).toEqual(idsOf(events))
        })
      },
    )

    it('applies an event once, whatever number of receivers and workers its copies meet', async () => {
      const { send, work, client } = await stage.open()
      const others = await Promise.all([stage.join(client), stage.join(client)])
      const events = eventsOf(20)
      await Promise.all(
        [work, ...others.map((other) => other.work)].map((start) => start(stage.applying())),
      )
      const copies = [send, ...others.map((other) => other.send), send, others[0]?.send ?? send]
      await Promise.all(copies.flatMap((to) => events.map((event) => deliver(to, event))))
      await eventually(async () => {
        expect(await stage.effectsOf(events)).toEqual(idsOf(events))
        const states = (await client.jobs()).map(({ state }) => state)
        expect(states).toEqual(events.map(() => 'done'))
      })
    })

    it('applies an event once in one process with the memory inbox, too', async () => {
      const { send, work, client } = await stage.open()
      const event = eventFixture('red_envelope.sent')
      const seen: unknown[] = []
      const webhooks = stage.receiver().on('*', (applied) => void seen.push(applied.id))
      await webhooks.dispatch(event)
      await work(webhooks)
      await Promise.all([1, 2, 3].map(() => deliver(send, event)))
      await eventually(async () => expect(await client.jobs()).toMatchObject([{ state: 'done' }]))
      expect(seen).toEqual([event.id])
    })

    it('keeps a poison event where one sees it, and applies it once it is redriven [E27]', async () => {
      const { send, work, client } = await stage.open({ attempts: 2 })
      const [poison, good] = eventsOf(2) as [WebhookEvent, WebhookEvent]
      let isBroken = true
      const webhooks = stage.applying()
      webhooks.on('*', (event) => {
        if (isBroken && event.id === poison.id) throw new Error('no such order')
      })
      await work(webhooks)
      await Promise.all([deliver(send, poison), deliver(send, good)])
      await eventually(async () => {
        await client.passTime()
        expect(await client.failed()).toEqual([poison.id])
      })
      expect(await stage.effectsOf([poison, good])).toEqual([good.id])
      isBroken = false
      expect(await client.redrive()).toBe(1)
      await eventually(async () => {
        expect(await stage.effectsOf([poison, good])).toEqual(idsOf([poison, good]))
      })
      expect(await client.failed()).toEqual([])
    })

    it('lets an event that failed for good be applied when Ping++ sends it again', async () => {
      const { send, work, client } = await stage.open({ attempts: 1 })
      const event = eventFixture('red_envelope.received')
      let isBroken = true
      const webhooks = stage.applying()
      webhooks.on('*', () => {
        if (isBroken) throw new Error('no such order')
      })
      await work(webhooks)
      await deliver(send, event)
      await eventually(async () => expect(await client.failed()).toEqual([event.id]))
      isBroken = false
      await deliver(send, event)
      await eventually(async () => {
        expect(await stage.effectsOf([event])).toEqual([event.id])
      })
      expect(await client.failed()).toEqual([])
    })

    it.each<[string, 'hang-in-handler' | 'hang-when-applied', RegExp]>([
      ['in the handler, its effect not committed', 'hang-in-handler', /^in-handler$/],
      ['with its effect committed, the queue not told', 'hang-when-applied', /^applied$/],
    ])('applies an event once whose worker is killed %s [E22]', async (_, role, word) => {
      const { send, work, client, spawnProcess } = await stage.open()
      const event = eventFixture('red_envelope.sent')
      const worker = spawnProcess(role)
      await deliver(send, event)
      await worker.word(word)
      await worker.kill()
      await work(stage.applying())
      await eventually(async () => {
        await client.passTime()
        const states = (await client.jobs()).map(({ state }) => state)
        expect(states).toEqual(['done'])
      })
      expect(await stage.effectsOf([event])).toEqual([event.id])
    })

    it('tells one of the workers of an event whose workers are killed at every try [E22, E35]', async () => {
      const { send, work, client, killTries } = await stage.open({ attempts: 2 })
      const event = eventFixture('red_envelope.sent')
      await deliver(send, event)
      await killTries(2)
      const others = await Promise.all([stage.join(client), stage.join(client)])
      const told: DeadLetter[] = []
      const how: Work = { crashes: 1, onDeadLetter: (letter) => void told.push(letter) }
      const starts = [work, ...others.map((other) => other.work)]
      await Promise.all(starts.map((start) => start(stage.applying(), how)))
      await eventually(async () => {
        expect(told).toMatchObject([{ eventId: event.id, attempts: 2 }])
        expect(await client.failed()).toEqual([event.id])
      })
      expect(await client.redrive()).toBe(1)
      await eventually(async () => expect(await stage.effectsOf([event])).toEqual([event.id]))
      expect(await client.failed()).toEqual([])
      await stage.closeAll()
      expect(told).toHaveLength(1)
    })

    it('tells another worker when the one that was telling is killed [E22, E35]', async () => {
      const { send, work, client, killTries, spawnProcess } = await stage.open({ attempts: 2 })
      const event = eventFixture('red_envelope.sent')
      await deliver(send, event)
      await killTries(2)
      const teller = spawnProcess('hang-while-telling')
      await teller.word(/^telling$/)
      await teller.kill()
      await client.noticeDeaths()
      const told: DeadLetter[] = []
      const onDeadLetter = (letter: DeadLetter): void => void told.push(letter)
      await work(stage.applying(), { crashes: 1, onDeadLetter })
      await eventually(async () => {
        expect(told).toMatchObject([{ eventId: event.id }])
        expect(await client.failed()).toEqual([event.id])
      })
    })
  })
}

/** As Ping++ does: again and again, until it is answered. A machine that is busy may answer late. */
function deliver(send: Scene['send'], event: WebhookEvent): Promise<void> {
  return eventually(async () => expect(await send(event)).toBe(200))
}

const keys = createTestKeys()
const PROGRAM = join(import.meta.dirname, 'hand-off-process.ts')

/** One queue, and a process of the tests that is connected to it. */
interface Scene {
  readonly client: QueueClient
  /** Delivers an event to a receiver, an Express app, as Ping++ would. */
  readonly send: (event: WebhookEvent) => Promise<number | undefined>
  /** Starts a worker. */
  readonly work: (webhooks: Pick<Webhooks, 'dispatch'>, how?: Work) => Promise<void>
  readonly spawnProcess: (role: Task['role']) => Spawned
  /** Kills as many workers, one after another, while they apply the event that waits. */
  readonly killTries: (count: number) => Promise<void>
}

/** What the tests of a host act on: its broker, a database for effects, and who is connected. */
function useStage(host: HandOffHost) {
  let broker: Broker | undefined
  let database: PostgresServer | undefined
  let effects: Effects | undefined
  let pool: Pool | undefined
  let names = 0
  const queues = new Map<QueueClient, string>()
  const closers: (() => Promise<unknown>)[] = []

  beforeAll(async () => {
    ;[broker, database] = await Promise.all([host.start(), startPostgres()])
    pool = openPool({ connectionString: database.url })
    effects = openEffects(pool)
    await effects.create()
  }, 60_000)

  afterEach(async () => {
    await restore()
    await closeAll()
  }, 60_000)

  afterAll(async () => {
    await pool?.end()
    await Promise.all([broker?.close(), database?.close()])
  }, 60_000)

  async function closeAll(): Promise<void> {
    await Promise.all(closers.splice(0).map((close) => close()))
  }

  async function restore(): Promise<void> {
    needed(broker).server.thaw()
    await needed(broker).server.start()
  }

  async function open(tries: Tries = {}, name = `queue-${(names += 1)}`): Promise<Scene> {
    const { kind, url } = needed(broker)
    const client = await connect(kind, url, name)
    queues.set(client, name)
    const app = await expressStart(express)(await client.receiver(keys.publicKey, tries))
    closers.push(async () => {
      await app.close()
      await client.close()
    })

    function spawnProcess(role: Task['role']): Spawned {
      const task: Task = {
        role,
        publicKey: keys.publicKey,
        queue: { kind, url, name },
        database: needed(database).url,
      }
      const spawned = spawnProgram(PROGRAM, task)
      closers.push(() => spawned.kill())
      return spawned
    }

    return {
      client,
      send: (event) => post(app.port, event),
      work: (worker, how) => client.work(worker, how),
      spawnProcess,
      async killTries(count) {
        for (let killed = 0; killed < count; killed += 1) {
          const worker = spawnProcess('hang-in-handler')
          await worker.word(/^in-handler$/)
          await worker.kill()
          await client.noticeDeaths()
        }
      },
    }
  }

  return {
    open,
    /** Another process at the same queue. */
    join: (client: QueueClient) => open({}, queues.get(client)),
    broker: () => ({
      stop: () => needed(broker).server.stop(),
      freeze: () => needed(broker).server.freeze(),
    }),
    restore,
    /** Ends everything that was opened, the workers in an orderly way. */
    closeAll,
    /** A worker's receiver with the memory inbox. */
    receiver: () => createWebhooks({ publicKey: keys.publicKey, logger: false }),
    /** A worker's receiver whose inbox and effect share a transaction. */
    applying() {
      const tables = needed(effects)
      const options = { publicKey: keys.publicKey, inbox: tables.inbox, logger: false } as const
      return createWebhooks(options).on('*', (event, { tx }) => tables.applyEffect(event, tx))
    },
    /** The ids of these events, once for each of their effects. */
    async effectsOf(events: readonly WebhookEvent[]): Promise<string[]> {
      const ids = new Set(idsOf(events))
      return (await needed(effects).applied()).filter((id) => ids.has(id)).toSorted()
    },
  }
}

/** Waits for what is to come. The machine may be busy; a test that fails takes this long. */
function eventually<Value>(check: () => Value | Promise<Value>): Promise<Value> {
  return vi.waitFor(check, 20_000)
}

function needed<Thing>(thing: Thing | undefined): Thing {
  if (thing === undefined) throw new Error('It has not been started.')
  return thing
}

function eventsOf(count: number): WebhookEvent[] {
  return Array.from({ length: count }, () => eventFixture('red_envelope.received'))
}

function idsOf(events: readonly WebhookEvent[]): string[] {
  return events.map((event) => String(event.id)).toSorted()
}

/** The status that Ping++ gets within two seconds; undefined where it gets none. */
async function post(port: number, event: WebhookEvent): Promise<number | undefined> {
  const signal = AbortSignal.timeout(2000)
  const url = `http://127.0.0.1:${port}/webhooks`
  const init = { ...signDelivery(event, keys).init(), signal }
  return fetch(url, init).then(
    async (response) => {
      await response.arrayBuffer()
      return response.status
    },
    () => undefined,
  )
}
