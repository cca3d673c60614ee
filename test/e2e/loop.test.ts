import {
  createPingppClient,
  createReconciler,
  type PingppClient,
  type RedEnvelopeCreateParams,
  type Reconciler,
} from '@hongbao/client'
import { createWebhooks, memoryInbox, type Webhooks, type WebhooksOptions } from '@hongbao/core'
import { createTestKeys } from '@hongbao/core/testing'
import { startSandbox, type Sandbox, type SandboxEvent } from '@hongbao/sandbox'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { start as startExpress } from '../../examples/express/app.ts'
import { start as startFastify } from '../../examples/fastify/app.ts'
import { start as startHono } from '../../examples/hono/app.ts'
import { start as startKoa } from '../../examples/koa/app.ts'
import {
  createOrderBook,
  handleOrders,
  type OrderBook,
} from '../../examples/tour/order-handlers.ts'

// client → sandbox → adapter → handler, over HTTP, on a clock that the test moves: all of the guide's
// steps, and its notes 1 to 6.

const APPS = { express: startExpress, koa: startKoa, fastify: startFastify, hono: startHono }
const merchant = createTestKeys()
const HOUR_MS = 60 * 60 * 1000

// Written out, from the guide's note 5: when the eleven posts of a notification are due, in seconds
// after the first.
const POSTS_AT_S = [0, 5, 15, 135, 435, 1035, 2835, 6435, 13_635, 35_235, 89_235]

describe.each(Object.entries(APPS))('%s', (_name, startApp) => {
  let sandbox: Sandbox
  let client: PingppClient
  let orders: OrderBook
  let options: WebhooksOptions
  let app: Awaited<ReturnType<typeof startApp>>

  beforeEach(async () => {
    sandbox = await startSandbox({
      clock: 'virtual',
      merchantPublicKey: merchant.publicKey,
      requestSignatures: 'strict',
    })
    client = createPingppClient({
      apiKey: sandbox.apiKey,
      privateKey: merchant.privateKey,
      publicKey: sandbox.publicKey,
      baseUrl: sandbox.url,
      retries: 0,
    })
    orders = createOrderBook()
    options = {
      publicKey: sandbox.publicKey,
      livemode: false,
      app: 'app_1Gqj58ynP0mHeX1q',
      inbox: memoryInbox(),
      now: sandbox.clock.now,
      logger: false,
    }
    await startAgain()
  })

  afterEach(async () => {
    await app.close()
    await sandbox.close()
  })

  it('goes through the guide: create, sent, received, query', async () => {
    orders.place({ orderNo: '1', amountFen: 888 })

    const created = await client.redEnvelopes.create(redEnvelope('1', 888))
    expect(created).toMatchObject({
      status: 'sending',
      order_no: '1',
      amount: 888,
      livemode: false,
    })
    await sandbox.clock.settled()
    expect(sandbox.events()).toEqual([])
    expect(statusOf('1')).toBe('placed')

    expect(await client.redEnvelopes.retrieve(created.id)).toMatchObject({ status: 'sent' })
    await sandbox.clock.settled()
    expect(statusOf('1')).toBe('sent')

    expect(await client.redEnvelopes.retrieve(created.id)).toMatchObject({ status: 'received' })
    await sandbox.clock.settled()
    expect(statusOf('1')).toBe('received')

    expect(orders.journal).toEqual(['1 sent, 8.88 yuan', '1 received, 8.88 yuan'])
    expect(sandbox.events().map(outcomes)).toEqual([
      ['red_envelope.sent', 'delivered', [200]],
      ['red_envelope.received', 'delivered', [200]],
    ])
    const page = await client.redEnvelopes.list({ limit: 3 })
    expect(page.data.map(({ id, status }) => [id, status])).toEqual([[created.id, 'received']])
    const [sent] = sandbox.events()
    expect(await client.events.retrieve(String(sent?.id))).toMatchObject({
      type: 'red_envelope.sent',
      data: { object: { id: created.id, status: 'sent' } },
    })
  })

  it('loses nothing and applies nothing twice if it is down for 24 hours and back for the eleventh delivery attempt [E27, E34]', async () => {
    const orderNos = ['11', '12', '13']
    const first = sandbox.clock.now()
    for (const orderNo of orderNos) {
      orders.place({ orderNo, amountFen: 100 })
      await client.redEnvelopes.create(redEnvelope(orderNo, 100))
    }
    // One is applied before the outage, and its answer is lost on the way.
    sandbox.faults.add('answer-lost', { match: { orderNo: '11' } })
    await retrieve('11')
    expect(statusOf('11')).toBe('sent')
    await app.close()
    await retrieve('12')
    await retrieve('13')

    await sandbox.clock.advance(24 * HOUR_MS)
    expect(sandbox.events().map(({ status }) => status)).toEqual(['pending', 'pending', 'pending'])
    expect(orders.journal).toEqual(['11 sent, 1.00 yuan'])

    await startAgain()
    await sandbox.clock.advance(HOUR_MS)
    expect(sandbox.events().map(({ status }) => status)).toEqual([
      'delivered',
      'delivered',
      'delivered',
    ])
    expect(orders.journal.toSorted()).toEqual([
      '11 sent, 1.00 yuan',
      '12 sent, 1.00 yuan',
      '13 sent, 1.00 yuan',
    ])
    for (const event of sandbox.events()) expect(postsOf(event, first)).toEqual(POSTS_AT_S)
  })

  // By design the reconciler reports only the furthest state. The steps before it come by hand here, late
  // and once, for handlers that take each as a transition.
  it('gets every final status once from the reconciler if it is down for 25 hours and all eleven delivery attempts fail [E27, E34]', async () => {
    const orderNos = ['21', '22', '23']
    const first = sandbox.clock.now()
    for (const orderNo of orderNos) {
      orders.place({ orderNo, amountFen: 100 })
      await client.redEnvelopes.create(redEnvelope(orderNo, 100))
    }
    await app.close()
    sandbox.move('21', 'sent')
    sandbox.move('21', 'received')
    // Nobody opens it, so it goes back after 24 hours.
    sandbox.move('22', 'sent')
    sandbox.move('23', 'failed')

    await sandbox.clock.advance(25 * HOUR_MS)
    expect(sandbox.events().map(({ type, status }) => [type, status])).toEqual([
      ['red_envelope.sent', 'exhausted'],
      ['red_envelope.received', 'exhausted'],
      ['red_envelope.sent', 'exhausted'],
    ])
    for (const event of sandbox.events()) expect(postsOf(event, first)).toEqual(POSTS_AT_S)

    await startAgain()
    const webhooks = reconcilingWebhooks()
    const ends: string[] = []
    for (const end of ['refund', 'failed'] as const) {
      webhooks.on(`red_envelope.${end}`, ({ data: { object } }) => {
        ends.push(`${object.order_no} ${end}`)
      })
    }
    await reconcilerOf(webhooks).run()
    expect(orders.journal).toEqual(['21 received, 1.00 yuan'])
    expect(ends.toSorted()).toEqual(['22 refund', '23 failed'])

    // As of a process that has just started: it remembers nothing, and the inbox does.
    expect(await reconcilerOf(webhooks).run()).toMatchObject({ applied: [], duplicates: 3 })
    await resendAll()
    await resendAll()
    expect(sandbox.events().map(({ status }) => status)).toEqual([
      'delivered',
      'delivered',
      'delivered',
    ])
    expect(orders.journal).toEqual([
      '21 received, 1.00 yuan',
      '21 sent, 1.00 yuan',
      '22 sent, 1.00 yuan',
    ])
    expect(statusOf('21')).toBe('received')
    expect(ends).toHaveLength(2)
  })

  it('gets a notification again that arrived before its order was saved [H4]', async () => {
    await client.redEnvelopes.create(redEnvelope('2', 520))
    await retrieve('2')
    expect(orders.journal).toEqual(['2 sent: not saved yet'])

    orders.place({ orderNo: '2', amountFen: 520 })
    await sandbox.clock.advance(5000)
    expect(orders.journal).toEqual(['2 sent: not saved yet', '2 sent, 5.20 yuan'])
    expect(sandbox.events().map(outcomes)).toEqual([['red_envelope.sent', 'delivered', [500, 200]]])
  })

  it('applies once an event that arrives several times at once, out of order, and after forgeries', async () => {
    orders.place({ orderNo: '3', amountFen: 666 })
    await client.redEnvelopes.create(redEnvelope('3', 666))
    sandbox.faults.add('duplicate', { copies: 5, how: 'at-once', times: 2 })
    for (const kind of [
      'wrong-key',
      'tampered-body',
      'escaped-body',
      'missing-signature',
    ] as const) {
      sandbox.faults.add(kind, { match: { type: 'red_envelope.received' } })
    }
    await retrieve('3')
    await retrieve('3')
    await sandbox.clock.drain()

    expect(orders.journal).toEqual(['3 sent, 6.66 yuan', '3 received, 6.66 yuan'])
    expect(statusOf('3')).toBe('received')
  })

  it('gets from the reconciler the statuses whose webhooks never arrived [E27, H5]', async () => {
    const webhooks = reconcilingWebhooks()
    for (const orderNo of ['4', '5', '6']) {
      orders.place({ orderNo, amountFen: 100 })
      await client.redEnvelopes.create(redEnvelope(orderNo, 100))
    }
    await retrieve('4')
    sandbox.setTarget(undefined)
    await retrieve('5')
    sandbox.move('4', 'received')
    sandbox.move('6', 'failed')
    expect(orders.journal).toEqual(['4 sent, 1.00 yuan'])

    const failures: string[] = []
    webhooks.on(
      'red_envelope.failed',
      ({ data: { object } }) => void failures.push(object.order_no),
    )
    const reconciler = reconcilerOf(webhooks)
    await reconciler.run()

    expect(orders.journal.toSorted()).toEqual([
      '4 received, 1.00 yuan',
      '4 sent, 1.00 yuan',
      '5 sent, 1.00 yuan',
    ])
    expect(failures).toEqual(['6'])
    await reconciler.run()
    expect(orders.journal).toHaveLength(3)
    expect(failures).toEqual(['6'])
  })

  it('gets from the reconciler an envelope that expired unopened, which has no webhook [H5]', async () => {
    const webhooks = reconcilingWebhooks()
    const refunds: string[] = []
    webhooks.on('red_envelope.refund', ({ data: { object } }) => void refunds.push(object.order_no))
    orders.place({ orderNo: '7', amountFen: 100 })
    await client.redEnvelopes.create(redEnvelope('7', 100))
    await retrieve('7')
    const reconciler = reconcilerOf(webhooks)
    await reconciler.run()
    expect(refunds).toEqual([])

    await sandbox.clock.advance(26 * HOUR_MS)
    await reconciler.run()
    expect(refunds).toEqual(['7'])
    expect(sandbox.events().map(({ type }) => type)).toEqual(['red_envelope.sent'])
  })

  async function startAgain(): Promise<void> {
    app = await startApp(0, options, orders)
    sandbox.setTarget(`${app.url}/webhooks`)
  }

  /** The same handlers and the same inbox, as in the app's own process. */
  function reconcilingWebhooks(): Webhooks {
    const webhooks = createWebhooks(options)
    handleOrders(webhooks, orders)
    return webhooks
  }

  function reconcilerOf(webhooks: Webhooks): Reconciler {
    return createReconciler({
      pingpp: client,
      webhooks,
      app: 'app_1Gqj58ynP0mHeX1q',
      now: sandbox.clock.now,
    })
  }

  async function resendAll(): Promise<void> {
    for (const { id } of sandbox.events()) sandbox.resend(id)
    await sandbox.clock.settled()
  }

  /** In test mode the query makes Ping++ send the event of the envelope's next step (guide, note 4). */
  async function retrieve(orderNo: string): Promise<void> {
    await client.redEnvelopes.retrieve(String(sandbox.envelope(orderNo)?.id))
    await sandbox.clock.settled()
  }

  function statusOf(orderNo: string): string | undefined {
    return orders.find(orderNo)?.status
  }
})

function outcomes({ type, status, attempts }: SandboxEvent): unknown[] {
  return [type, status, attempts.map(({ response }) => response?.status)]
}

/** When the posts of an event were made, in seconds after a time. */
function postsOf({ attempts }: SandboxEvent, fromMs: number): number[] {
  return attempts.map(({ startedMs }) => Math.round((startedMs - fromMs) / 1000))
}

/** The guide's parameters (step 3), with texts as a merchant would write them. */
function redEnvelope(orderNo: string, amount: number): RedEnvelopeCreateParams {
  return {
    app: { id: 'app_1Gqj58ynP0mHeX1q' },
    channel: 'wx_pub',
    order_no: orderNo,
    amount,
    currency: 'cny',
    recipient: 'o9zpMs7Xk9e9aJbTXgufovuWGp7c',
    subject: '新年红包',
    body: '恭喜发财,大吉大利!🧧',
    description: '春节活动:每位会员一个红包',
    extra: { send_name: '红包商店' },
  }
}
