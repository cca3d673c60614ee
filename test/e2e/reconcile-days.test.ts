import {
  createPingppClient,
  type RedEnvelopeCreateParams,
  type OpenRedEnvelope,
  type ReconcilerReport,
  type Reconciler,
  type ReconcilerOptions,
} from '@hongbao/client'
import { createWebhooks, type Inbox, type RedEnvelope, type Webhooks } from '@hongbao/core'
import { fetchWebhooks } from '@hongbao/core/fetch'
import { startSandbox, type Sandbox, type SandboxClock } from '@hongbao/sandbox'
import { describe, expect, it } from 'vitest'
import type { Seams } from '../../packages/client/src/http/retries.ts'
import { createReconcilerWith } from '../../packages/client/src/reconcile/reconciler.ts'

// The loop as it runs in production, over HTTP, for 80 hours on the sandbox's clock: notifications get
// lost, the API fails, handlers fail, processes are down and come up again, all of it by a seed.

const APP = 'app_1Gqj58ynP0mHeX1q'
const MINUTE = 60_000
const HOUR = 60 * MINUTE

interface Setting {
  readonly seed: number
  /** Whether the poller is a process of its own, beside the one that receives. */
  readonly isApart?: boolean
  /** Whether there is a table of open envelopes. */
  readonly hasTable?: boolean
  readonly hasList?: boolean
  /** Whether its processes end and start again. */
  readonly restarts?: boolean
  readonly overlapSeconds?: number
}

describe.each<[string, Setting]>([
  ['without a table', { seed: 1 }],
  ['without a table and without a restart', { seed: 7, restarts: false }],
  ['from a process of its own, with the same inbox', { seed: 2, isApart: true }],
  ['with a table of open envelopes', { seed: 3, hasTable: true }],
  ['with a table, and a list that never answers', { seed: 4, hasTable: true, hasList: false }],
  ['with a table, and a sweep of an hour', { seed: 5, hasTable: true, overlapSeconds: 3600 }],
])('80 hours of faults, reconciled %s', (_, setting) => {
  it('lose no final status, apply no step twice, and poll no envelope backwards [H5, H6, H8, H9, H10, H12]', async () => {
    await using sandbox = await startSandbox({
      clock: 'virtual',
      sendWebhooks: 'by-hand',
      seed: setting.seed,
    })
    const { shop, last } = await live(sandbox, setting)
    expect(shop.applied.toSorted()).toEqual([...new Set(shop.applied)].toSorted())
    const ends = ['1 received', '2 received', '3 failed', '4 refund', '5 refund', '6 received']
    expect(shop.applied).toEqual(expect.arrayContaining(ends))
    expect(shop.applied.filter((step) => /received|failed|refund$/.test(step))).toHaveLength(6)
    expect(shop.polled.filter(isBehindEarlier)).toEqual([])
    expect(last).toMatchObject({ open: 0, conflicts: [], unknown: [], adopted: [], overdue: [] })
    const failures = new Set(shop.reports.map(({ error }) => error?.code))
    expect(failures).toEqual(new Set([undefined, 'server-failed', 'pingpp-unreachable']))
  })
})

describe('test mode, where a query moves an envelope', () => {
  it('reaches its final status through the same faults, each step applied once', async () => {
    await using sandbox = await startSandbox({ clock: 'virtual', seed: 6 })
    const shop = openShop(sandbox, { seed: 6 })
    addFaults(sandbox)
    await shop.start()
    const orderNos = Array.from({ length: 8 }, (_, index) => String(index + 1))
    for (const orderNo of orderNos) await shop.create(orderNo)
    await sandbox.clock.advance(26 * HOUR)
    await shop.stop()

    expect(shop.applied.toSorted()).toEqual([...new Set(shop.applied)].toSorted())
    for (const orderNo of orderNos) {
      const end = sandbox.envelope(orderNo)?.status
      expect(shop.applied).toContain(`${orderNo} ${end}`)
    }
    expect(shop.polled.filter(isBehindEarlier)).toEqual([])
    expect(shop.reports.at(-1)).toMatchObject({ open: 0, conflicts: [] })
  })
})

async function live(
  sandbox: Sandbox,
  setting: Setting,
): Promise<{ shop: Shop; last: ReconcilerReport | undefined }> {
  const { hasList = true, restarts = true } = setting
  const { clock, faults } = sandbox
  const startMs = clock.now()
  const shop = openShop(sandbox, setting)
  const at = (ms: number, work: () => unknown): void => {
    clock.at(startMs + ms, async () => void (await work()))
  }
  /** The envelope takes a step, and Ping++ sends two webhooks of it, under two ids. */
  const step = (ms: number, orderNo: string, status: 'sent' | 'received' | 'failed'): void => {
    at(ms, () => {
      const { id } = sandbox.move(orderNo, status)
      if (status !== 'failed') sandbox.trigger(`red_envelope.${status}`, { envelope: id })
    })
  }
  await shop.start()

  if (hasList) faults.add('api-answer-lost', { match: { operation: 'create', orderNo: '3' } })
  for (const orderNo of ['1', '2', '3', '4']) await shop.create(orderNo)
  at(30 * HOUR, () => shop.create('5'))
  at(30 * HOUR, () => shop.create('6'))
  step(1 * MINUTE, '1', 'sent')
  step(4 * HOUR, '1', 'received')
  step(30 * MINUTE, '2', 'sent')
  step(23 * HOUR, '2', 'received')
  step(2 * HOUR, '3', 'failed')
  step(1 * MINUTE, '4', 'sent')
  step(30.1 * HOUR, '5', 'sent')
  step(45 * HOUR, '6', 'sent')
  step(47 * HOUR, '6', 'received')

  const always = hasList
    ? undefined
    : faults.add('api-error', { match: { operation: 'list' }, times: Infinity })
  addFaults(sandbox)
  at(2 * HOUR, () => shop.breakHandlers(true))
  at(6 * HOUR, () => shop.breakHandlers(false))
  at(46 * HOUR, () => shop.breakHandlers(true))
  at(50 * HOUR, () => shop.breakHandlers(false))
  at(52 * HOUR, () => faults.add('api-error', { status: 500, times: Infinity }))
  at(58 * HOUR, () => {
    for (const { id, kind, probability } of faults.list()) {
      if (kind === 'api-error' && probability === undefined && id !== always?.id) faults.remove(id)
    }
  })

  if (restarts) {
    at(10 * HOUR, () => shop.stop())
    at(35 * HOUR, () => shop.start())
    at(48 * HOUR, () => shop.stop())
    at(48 * HOUR, () => shop.start())
  }

  await clock.advance(80 * HOUR)
  await shop.stop()
  return { shop, last: shop.reports.at(-1) }
}

function addFaults({ faults }: Sandbox): void {
  faults.add('connection-reset', { probability: 0.7, times: Infinity })
  faults.add('duplicate', { probability: 0.3, times: Infinity, how: 'at-once' })
  for (const operation of ['list', 'retrieve'] as const) {
    const often = { match: { operation }, probability: 0.2, times: Infinity }
    faults.add('api-error', { ...often, status: 503 })
    faults.add('api-answer-lost', often)
  }
}

/** A merchant: what lasts of it when its processes end. */
interface Shop {
  /** What handlers did well: `1 sent`. */
  readonly applied: readonly string[]
  /** What polls dispatched, process by process. */
  readonly polled: readonly string[]
  readonly reports: readonly ReconcilerReport[]
  readonly create: (orderNo: string) => Promise<void>
  readonly breakHandlers: (areBroken: boolean) => void
  /** Resolves when its first run has ended. */
  readonly start: () => Promise<void>
  readonly stop: () => Promise<void>
}

function openShop(sandbox: Sandbox, { isApart, hasTable, overlapSeconds }: Setting): Shop {
  const { clock } = sandbox
  const client = createPingppClient({
    apiKey: sandbox.apiKey,
    publicKey: sandbox.publicKey,
    baseUrl: sandbox.url,
    retries: 0,
  })
  const inbox = durableInbox()
  const rows = new Map<string, OpenRedEnvelope>()
  const [applied, polled]: [string[], string[]] = [[], []]
  const reports: ReconcilerReport[] = []
  let areBroken = false
  let started = 0
  let reconciler: Reconciler | undefined

  function open(): OpenRedEnvelope[] {
    const ended = new Set(applied.filter((step) => rankOf(step) === 3).map(orderOf))
    return [...rows.values()].filter(({ order_no }) => !ended.has(order_no))
  }

  function receiver(): Webhooks {
    const webhooks = createWebhooks({
      publicKey: sandbox.publicKey,
      inbox,
      now: clock.now,
      logger: false,
      onReport({ source, key = '', shared }) {
        const [, , type = '', id = ''] = key.split(':')
        if (source === 'poll' && !shared) polled.push(`${started}:${id} ${type.split('.')[1]}`)
      },
    })
    webhooks.on('*', ({ data: { object } }) => {
      if (areBroken) throw new Error('the database is away')
      const { order_no, status } = object as RedEnvelope
      applied.push(`${order_no} ${status}`)
    })
    return webhooks
  }

  return {
    applied,
    polled,
    reports,
    async create(orderNo) {
      const created = Math.floor(clock.now() / 1000)
      rows.set(orderNo, { order_no: orderNo, created, amount: 888, status: 'sending' })
      const envelope = await client.redEnvelopes.create(order(orderNo)).catch(() => undefined)
      rows.set(orderNo, { ...rows.get(orderNo), order_no: orderNo, created, id: envelope?.id })
    },
    breakHandlers: (are) => void (areBroken = are),
    async start() {
      started += 1
      const webhooks = receiver()
      const pacing = paceBy(clock)
      sandbox.setTarget(fetchWebhooks(isApart === true ? receiver() : webhooks))
      const options: ReconcilerOptions = {
        pingpp: client,
        webhooks,
        app: APP,
        logger: false,
        now: clock.now,
        intervalSeconds: 15 * 60,
        onReport(report) {
          reports.push(report)
          for (const { id, order_no } of report.adopted) {
            const row = rows.get(order_no)
            if (row !== undefined) rows.set(order_no, { ...row, id })
          }
        },
        ...(overlapSeconds === undefined ? {} : { overlapSeconds }),
        ...(hasTable === true ? { open } : {}),
      }
      reconciler = createReconcilerWith(options, { random: lcg(started), wait: pacing.wait })
      reconciler.start()
      await pacing.atRest()
    },
    async stop() {
      sandbox.setTarget(() => new Response(null, { status: 503 }))
      await reconciler?.close()
    },
  }
}

/** An inbox that outlives processes, and that several may share. */
function durableInbox(): Inbox {
  const [running, done] = [new Set<string>(), new Set<string>()]
  return {
    retentionSeconds: 30 * 24 * 3600,
    async admit(key, work) {
      if (done.has(key)) return 'duplicate'
      if (running.has(key)) return 'busy'
      running.add(key)
      try {
        await work({})
        done.add(key)
        return 'applied'
      } finally {
        running.delete(key)
      }
    },
  }
}

/** Waits by the sandbox's clock, which stands still until the loop waits again. */
function paceBy(clock: SandboxClock): { wait: Seams['wait']; atRest: () => Promise<void> } {
  let rest = Promise.withResolvers<void>()

  async function wait(ms: number, signal?: AbortSignal): Promise<void> {
    const pause = Promise.withResolvers<void>()
    const timer = clock.at(clock.now() + ms, () => {
      rest = Promise.withResolvers<void>()
      pause.resolve()
      return rest.promise
    })
    signal?.addEventListener('abort', () => {
      timer.cancel()
      pause.resolve()
    })
    rest.resolve()
    await pause.promise
  }

  return { wait, atRest: () => rest.promise }
}

/** Numbers from 0 to 1 that are the same each time (Numerical Recipes, "An Even Quicker Generator"). */
function lcg(seed: number): () => number {
  let state = seed
  return () => (state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0) / 2 ** 32
}

/** Whether an envelope was further on before, in the same process. */
function isBehindEarlier(step: string, index: number, all: readonly string[]): boolean {
  const before = all.slice(0, index).filter((other) => orderOf(other) === orderOf(step))
  return before.some((other) => rankOf(other) > rankOf(step))
}

function orderOf(step: string): string {
  return step.split(' ')[0] ?? ''
}

function rankOf(step: string): number {
  return { sent: 1, refunding: 2 }[step.split(' ')[1] ?? ''] ?? 3
}

function order(orderNo: string): RedEnvelopeCreateParams {
  return {
    app: { id: APP },
    channel: 'wx_pub',
    order_no: orderNo,
    amount: 888,
    currency: 'cny',
    recipient: 'o9zpMs7Xk9e9aJbTXgufovuWGp7c',
    subject: '新年红包',
    body: '恭喜发财,大吉大利!🧧',
    description: '春节活动',
    extra: { send_name: '红包商店' },
  }
}
