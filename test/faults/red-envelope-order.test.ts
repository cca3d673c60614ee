import type { RedEnvelopeStatus, WebhookEvent } from '@hongbao/core'
import { eventFixture, signDelivery } from '@hongbao/core/testing'
import * as fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import type { RunningHost } from '../conformance/host.ts'
import { express5Host } from '../conformance/hosts/express5.ts'
import { fastifyHost } from '../conformance/hosts/fastify.ts'
import { openPool, startPostgres, type PostgresServer } from '../servers/postgres.ts'
import {
  PINGPP,
  STATE_KEEPERS,
  TABLES,
  type Point,
  type StartedKeeper,
  type StateKeeper,
} from './red-envelope-instances.ts'
import { PATIENCE_MS } from '../patience.ts'

type Told = 'sent' | 'received'

const ORDERS: readonly (readonly [first: Told, second: Told])[] = [
  ['sent', 'received'],
  ['received', 'sent'],
]
/** How the first of two ends that has had its effect. */
const ENDS = ORDERS.flatMap(
  ([first, second]) =>
    [
      { first, second, what: 'has written it', end: 'release' },
      { first, second, what: 'fails after its effect', end: 'fail' },
    ] as const,
)

describe.each(STATE_KEEPERS.filter(({ isHere }) => isHere))(
  'an envelope whose events reach two instances, with $name',
  (keeper) => {
    const stage = useInstances(keeper)

    it.each(ORDERS)(
      'is received when %s commits while the handler of %s runs [H2]',
      async (first, second) => {
        const scene = await stage.create()
        const held = scene.hold('before', second)
        const late = scene.deliver(1, second)
        await held.reached
        await scene.deliver(0, first)
        held.release()
        await late
        await scene.expectReceivedOnce()
      },
    )

    it.each(ENDS)(
      'is received when $first $what, and $second waits for the row [H2]',
      async ({ first, second, end }) => {
        const scene = await stage.create()
        const held = scene.hold('behind', first)
        const early = scene.deliver(0, first)
        await held.reached
        const late = scene.deliver(1, second)
        await Promise.race([stage.somebodyWaits(), late])
        held[end]()
        await Promise.all([early, late])
        await scene.expectReceivedOnce()
      },
    )

    it('is received, and has each effect once, for any instances and any order [H2]', async () => {
      await fc.assert(
        fc.asyncProperty(deliveries, async (told) => {
          const scenes = await Promise.all(ENVELOPES.map(() => stage.create()))
          await Promise.all(
            told.map(async ({ envelope, instance, status }) => {
              await scenes[envelope]?.deliver(instance, status)
            }),
          )
          for (const scene of scenes) await scene.expectReceivedOnce()
        }),
        { numRuns: 20 },
      )
    })
  },
)

const ENVELOPES = [0, 1, 2, 3, 4]

/** Of every envelope that it was sent and that it was received, each once or twice, in any order. */
const deliveries = fc
  .tuple(
    ...ENVELOPES.flatMap((envelope) => [copies(envelope, 'sent'), copies(envelope, 'received')]),
  )
  .chain((all) => {
    const told = all.flat()
    return fc.shuffledSubarray(told, { minLength: told.length })
  })

function copies(envelope: number, status: Told) {
  const instances = fc.array(fc.constantFrom<Instance[]>(0, 1), { minLength: 1, maxLength: 2 })
  return instances.map((those) => those.map((instance) => ({ envelope, status, instance })))
}

type Instance = 0 | 1

/** Two instances, in two frameworks, and the envelopes whose events they receive. */
function useInstances(keeper: StateKeeper) {
  const held = new Map<string, Held>()
  let server: PostgresServer | undefined
  let started: StartedKeeper | undefined
  let apps: readonly RunningHost[] = []
  let database = openPool({})
  let orders = 0

  beforeAll(async () => {
    server = await startPostgres()
    database = openPool({ connectionString: server.url })
    await database.query(TABLES)
    started = await keeper.start(server.url, {
      pass: async (point, status, orderNo) =>
        await held.get(`${point} ${status} ${orderNo}`)?.pass(),
    })
    apps = [await express5Host.start(started.open()), await fastifyHost.start(started.open())]
  })

  afterAll(async () => {
    await Promise.all(apps.map((app) => app.close()))
    await started?.close()
    await database.end()
    await server?.close()
  })

  /** An envelope that is being sent. */
  async function create() {
    orders += 1
    const orderNo = String(orders)
    const object = { id: `red_${orderNo}`, order_no: orderNo }
    await database.query(`insert into red_envelopes values ($1, 'sending')`, [orderNo])
    const events: Readonly<Record<Told, WebhookEvent>> = {
      sent: eventFixture('red_envelope.sent', { object }),
      received: eventFixture('red_envelope.received', { object }),
    }

    async function post(instance: Instance, status: Told): Promise<number> {
      const url = `http://127.0.0.1:${apps[instance]?.port}/webhooks`
      const response = await fetch(url, signDelivery(events[status], PINGPP).init())
      await response.arrayBuffer()
      return response.status
    }

    return {
      /** Again and again, until the answer is 200. */
      deliver: (instance: Instance, status: Told) =>
        eventually(async () => expect(await post(instance, status)).toBe(200)),
      /** Holds the handler of that step when it comes to that point. */
      hold(point: Point, status: RedEnvelopeStatus): Held {
        const name = `${point} ${status} ${orderNo}`
        const one = hold(() => held.delete(name))
        held.set(name, one)
        return one
      },
      async expectReceivedOnce(): Promise<void> {
        const read = (text: string) => database.query<{ status: string }>(text, [orderNo])
        const kept = await read('select status from red_envelopes where order_no = $1')
        const effects = await read('select status from effects where order_no = $1 order by 1')
        expect(kept.rows).toEqual([{ status: 'received' }])
        expect(effects.rows).toEqual([{ status: 'received' }, { status: 'sent' }])
      },
    }
  }

  return {
    create,
    /** Resolves when a statement waits for a row that another transaction has written. */
    somebodyWaits: () =>
      eventually(async () => expect((await database.query(WAITING)).rowCount).toBe(1)),
  }
}

const WAITING = `
select from pg_stat_activity
where wait_event_type = 'Lock' and query like 'update red_envelopes%'`

/** A handler that is made to wait. */
interface Held {
  readonly reached: Promise<void>
  release(): void
  fail(): void
  /** For the handler: resolves when it may go on. */
  pass(): Promise<void>
}

function hold(onReached: () => void): Held {
  const reached = Promise.withResolvers<void>()
  const released = Promise.withResolvers<void>()
  return {
    reached: reached.promise,
    release: () => released.resolve(),
    fail: () => released.reject(new Error('The handler failed, on purpose.')),
    pass() {
      onReached()
      reached.resolve()
      return released.promise
    },
  }
}

/** Waits for what is to come. The machine may be busy; a test that fails takes this long. */
function eventually<Value>(check: () => Promise<Value>): Promise<Value> {
  return vi.waitFor(check, { timeout: PATIENCE_MS, interval: 20 })
}
