import {
  createWebhooks,
  type RedEnvelope,
  type RedEnvelopeStatus,
  type WebhookEvent,
} from '@hongbao/core'
import type { PrivateKeyInput } from '@hongbao/core/internal'
import { describe, expectTypeOf, it } from 'vitest'
import {
  createPingppClient,
  createReconciler,
  PingppError,
  type PingppClient,
  type PingppErrorCode,
  type PingppClientOptions,
  type ReconcilerReport,
  type RedEnvelopeCreateParams,
  type RedEnvelopeListParams,
  type RedEnvelopePage,
  type RedEnvelopeList,
} from '../src/index.ts'

declare const client: PingppClient

const GUIDE = {
  order_no: '123456789',
  app: { id: 'app_1Gqj58ynP0mHeX1q' },
  channel: 'wx_pub',
  amount: 100,
  currency: 'cny',
  subject: '新年红包',
  body: '恭喜发财',
  extra: { send_name: '红包商店' },
  recipient: 'openid',
  description: '春节活动',
} as const

describe('createPingppClient', () => {
  it('needs an API key, which may be missing in an environment', () => {
    expectTypeOf(createPingppClient).parameters.toEqualTypeOf<[PingppClientOptions]>()
    expectTypeOf(
      createPingppClient({ apiKey: process.env['PINGPP_API_KEY'] }),
    ).toEqualTypeOf<PingppClient>()
    // @ts-expect-error -- no key
    createPingppClient({})
    // @ts-expect-error -- no such option
    createPingppClient({ apiKey: 'sk_test_1', timeout: 5 })
    expectTypeOf<PingppClientOptions['privateKey']>().toEqualTypeOf<PrivateKeyInput | undefined>()
  })
})

describe('redEnvelopes', () => {
  it('create takes the guide’s parameters, and others only in `extraParams`', () => {
    expectTypeOf(client.redEnvelopes.create(GUIDE)).toEqualTypeOf<Promise<RedEnvelope>>()
    void client.redEnvelopes.create(GUIDE, { extraParams: { new_field: 1 } })
    void client.redEnvelopes.create({ ...GUIDE, metadata: { order: 1 } })
  })

  it('create refuses a misspelt parameter, which would be sent and do nothing [S25]', () => {
    const { amount, ...rest } = GUIDE
    // @ts-expect-error -- amuont
    void client.redEnvelopes.create({ ...rest, amuont: amount })
    // @ts-expect-error -- metdata
    void client.redEnvelopes.create({ ...GUIDE, metdata: {} })
    // @ts-expect-error -- sceneId
    void client.redEnvelopes.create({ ...GUIDE, extra: { send_name: 'x', sceneId: 'PRODUCT_1' } })
    // @ts-expect-error -- not a known parameter
    void client.redEnvelopes.create({ ...GUIDE, new_field: 1 })
    // @ts-expect-error -- liveMode
    void client.redEnvelopes.create({ ...GUIDE, app: { id: 'app_1', liveMode: true } })
    // @ts-expect-error -- no index signature
    expectTypeOf<RedEnvelopeCreateParams>().toHaveProperty('anything')
    // @ts-expect-error -- nor in `extra`
    expectTypeOf<RedEnvelopeCreateParams['extra']>().toHaveProperty('anything')
    // @ts-expect-error -- extraParam
    void client.redEnvelopes.create(GUIDE, { extraParam: {} })
  })

  it('create and list need no app, which may be that of the client', () => {
    const { app: _, ...withoutApp } = GUIDE
    void client.redEnvelopes.create(withoutApp)
    expectTypeOf<PingppClientOptions['app']>().toEqualTypeOf<string | undefined>()
    // @ts-expect-error -- a variable that may be unset
    createPingppClient({ apiKey: 'sk_test_1', app: process.env['PINGPP_APP'] })
    // @ts-expect-error -- one app, not a list
    createPingppClient({ apiKey: 'sk_test_1', app: ['app_1'] })
  })

  it('create refuses what Ping++ would refuse', () => {
    const { subject: _, ...withoutSubject } = GUIDE
    // @ts-expect-error -- no subject
    void client.redEnvelopes.create(withoutSubject)
    // @ts-expect-error -- an amount as text
    void client.redEnvelopes.create({ ...GUIDE, amount: '100' })
    // @ts-expect-error -- an order number as number
    void client.redEnvelopes.create({ ...GUIDE, order_no: 123 })
    // @ts-expect-error -- another currency
    void client.redEnvelopes.create({ ...GUIDE, currency: 'usd' })
    // @ts-expect-error -- no sender
    void client.redEnvelopes.create({ ...GUIDE, extra: {} })
    // @ts-expect-error -- an app without its object
    void client.redEnvelopes.create({ ...GUIDE, app: 'app_1' })
  })

  it('retrieve returns an envelope in any state', () => {
    expectTypeOf(client.redEnvelopes.retrieve('red_1')).resolves.toEqualTypeOf<RedEnvelope>()
    expectTypeOf<RedEnvelope['status']>().toEqualTypeOf<RedEnvelopeStatus>()
    void client.redEnvelopes.retrieve('red_1', { signal: AbortSignal.timeout(5), retries: 0 })
    // @ts-expect-error -- no such option
    void client.redEnvelopes.retrieve('red_1', { timeout: 5 })
  })

  it('list is awaited for a page and iterated over for envelopes', async () => {
    const list = client.redEnvelopes.list({ limit: 3, created: { gte: 1 }, status: 'sent' })
    expectTypeOf(list).toEqualTypeOf<RedEnvelopeList>()
    const page = await list
    expectTypeOf(page).toEqualTypeOf<RedEnvelopePage>()
    expectTypeOf(page.data).toEqualTypeOf<readonly RedEnvelope[]>()
    expectTypeOf(await page.next()).toEqualTypeOf<RedEnvelopePage | undefined>()
    for await (const envelope of list) expectTypeOf(envelope).toEqualTypeOf<RedEnvelope>()
  })

  it('list refuses what Ping++ would refuse', () => {
    void client.redEnvelopes.list({}, { extraParams: { expand: ['app'] } })
    // @ts-expect-error -- statis
    void client.redEnvelopes.list({ statis: 'sent' })
    // @ts-expect-error -- from
    void client.redEnvelopes.list({ created: { from: 1 } })
    // @ts-expect-error -- no index signature
    expectTypeOf<RedEnvelopeListParams>().toHaveProperty('anything')
    // @ts-expect-error -- there is no such status: the end of an unclaimed one is `refund`
    void client.redEnvelopes.list({ status: 'refunded' })
    // @ts-expect-error -- a date is no Unix time
    void client.redEnvelopes.list({ created: new Date() })
  })
})

describe('events', () => {
  it('retrieve returns the type of event that a webhook has', () => {
    expectTypeOf(client.events.retrieve('evt_1')).resolves.toEqualTypeOf<WebhookEvent>()
  })
})

describe('PingppError', () => {
  it('narrows what was thrown', () => {
    const read = (thrown: unknown): void => {
      if (!(thrown instanceof PingppError)) return
      expectTypeOf(thrown).toEqualTypeOf<PingppError>()
      expectTypeOf(thrown.code).toEqualTypeOf<PingppErrorCode>()
      expectTypeOf(thrown.notCreated).toEqualTypeOf<boolean>()
      expectTypeOf(thrown.orderNo).toEqualTypeOf<string | undefined>()
      // @ts-expect-error -- no such code
      if (thrown.code === 'timeout') return
    }
    expectTypeOf(read).returns.toEqualTypeOf<void>()
  })
})

describe('createReconciler', () => {
  const webhooks = createWebhooks({ publicKey: process.env['PINGPP_PUBLIC_KEY'] })

  it('takes a client and a receiver, and returns a loop that `await using` can stop', async () => {
    await using reconciler = createReconciler({
      pingpp: client,
      webhooks,
      app: 'app_1',
      intervalSeconds: 60,
      onReport(report) {
        expectTypeOf(report).toEqualTypeOf<ReconcilerReport>()
      },
      onError(error, report) {
        expectTypeOf(error).toEqualTypeOf<unknown>()
        expectTypeOf(report).toEqualTypeOf<ReconcilerReport>()
      },
    })
    reconciler.start()
    expectTypeOf(reconciler.run({ dryRun: true })).toEqualTypeOf<Promise<ReconcilerReport>>()
    expectTypeOf(reconciler.close()).toEqualTypeOf<Promise<void>>()
  })

  it('has no option with a removed unit', () => {
    // @ts-expect-error -- in seconds
    createReconciler({ pingpp: client, webhooks, app: 'app_1', intervalMs: 5 })
    // @ts-expect-error -- `pingpp`
    createReconciler({ client, webhooks, app: 'app_1' })
  })
})
