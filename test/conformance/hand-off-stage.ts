import {
  createWebhooks,
  type WebhookEvent,
  type Webhooks,
  type WebhooksOptions,
} from '@hongbao/core'
import { createTestKeys, eventFixture, signDelivery, type TestKeys } from '@hongbao/core/testing'
import type { PgContext } from '@hongbao/postgres'
import express from 'express'
import { join } from 'node:path'
import type { Pool, PoolClient } from 'pg'
import { afterAll, afterEach, beforeAll, expect, vi } from 'vitest'
import { openPool, startPostgres, type PostgresServer } from '../servers/postgres.ts'
import { spawnProgram, type Spawned } from '../spawned.ts'
import { openEffects, type Effects } from './hand-off-effects.ts'
import type { Broker, HandOffHost, QueueClient, Tries } from './hand-off-host.ts'
import type { Task } from './hand-off-process.ts'
import { connect } from './hand-offs/connect.ts'
import { expressStart } from './hosts/express.ts'

/** Delivers an event until it is answered 200, as Ping++ does. A busy machine may answer late. */
export function deliver(send: Scene['send'], event: WebhookEvent): Promise<void> {
  return eventually(async () => expect(await send(event)).toBe(200))
}

export const keys: TestKeys = createTestKeys()
const PROGRAM = join(import.meta.dirname, 'hand-off-process.ts')

/** One queue, and a process of the tests that is connected to it. */
export interface Scene {
  readonly client: QueueClient
  /** Delivers an event to a receiver, an Express app, as Ping++ would. */
  readonly send: (event: WebhookEvent) => Promise<number | undefined>
  /** Starts a worker. */
  readonly work: QueueClient['work']
  readonly spawnProcess: (role: Task['role']) => Spawned
  /** Kills as many workers, one after another, while they apply the event that waits. */
  readonly killTries: (count: number) => Promise<void>
}

/** The fixture of the tests of a host. */
export interface Stage {
  readonly open: (tries?: Tries) => Promise<Scene>
  /** Another process at the same queue. */
  readonly join: (client: QueueClient) => Promise<Scene>
  readonly broker: () => Pick<Broker['server'], 'stop' | 'freeze'>
  readonly restore: () => Promise<void>
  /** Closes everything that was opened, the workers in an orderly way. */
  readonly closeAll: () => Promise<void>
  /** A worker's receiver with the memory inbox. */
  readonly receiver: (options?: Partial<WebhooksOptions>) => Webhooks
  /** A worker's receiver whose inbox and effect share a transaction. */
  readonly applying: () => Webhooks<PgContext<PoolClient>>
  /** The ids of these events, once for each of their effects. */
  readonly effectsOf: (events: readonly WebhookEvent[]) => Promise<string[]>
}

/** Starts the broker of a host and a database for effects, and closes what the tests open. */
export function useStage(host: HandOffHost): Stage {
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
    const client = await connect(kind, url, name, tries)
    queues.set(client, name)
    const app = await expressStart(express)(await client.receiver(keys.publicKey))
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
    join: (client) => open({}, queues.get(client)),
    broker: () => ({
      stop: () => needed(broker).server.stop(),
      freeze: () => needed(broker).server.freeze(),
    }),
    restore,
    closeAll,
    receiver: (options) => createWebhooks({ publicKey: keys.publicKey, logger: false, ...options }),
    applying() {
      const tables = needed(effects)
      const options = { publicKey: keys.publicKey, inbox: tables.inbox, logger: false } as const
      return createWebhooks(options).on('*', (event, { tx }) => tables.applyEffect(event, tx))
    },
    async effectsOf(events) {
      const ids = new Set(idsOf(events))
      return (await needed(effects).applied()).filter((id) => ids.has(id)).toSorted()
    },
  }
}

/** Waits until a check passes. The machine may be busy; a test that fails takes this long. */
export function eventually<Value>(check: () => Value | Promise<Value>): Promise<Value> {
  return vi.waitFor(check, 20_000)
}

function needed<Thing>(thing: Thing | undefined): Thing {
  if (thing === undefined) throw new Error('It has not been started.')
  return thing
}

export function eventsOf(count: number): WebhookEvent[] {
  return Array.from({ length: count }, () => eventFixture('red_envelope.received'))
}

export function idsOf(events: readonly WebhookEvent[]): string[] {
  return events.map((event) => String(event.id)).toSorted()
}

/** The status that Ping++ gets within two seconds; undefined if it gets none. */
export async function post(port: number, event: WebhookEvent): Promise<number | undefined> {
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

/** The ids of the events that are dead letters, the oldest first. */
export async function deadIds(client: QueueClient): Promise<(string | undefined)[]> {
  return (await client.deadLetters()).map(({ eventId }) => eventId)
}

/** The states of the jobs that are not dead letters. */
export async function statesOf(client: QueueClient): Promise<string[]> {
  return (await client.jobs()).map(({ state }) => state).filter((state) => state !== 'failed')
}
