import { describe, expectTypeOf, it } from 'vitest'
import {
  createWebhooks,
  memoryInbox,
  unlisted,
  type ContextOf,
  type DispatchResult,
  type HandlerContext,
  type Inbox,
  type NoContext,
  type Reply,
  type WebhookError,
  type WebhookErrorCode,
  type WebhookHandler,
  type WebhookHandlers,
  type WebhookOutcome,
  type WebhookReport,
  type Webhooks,
} from '../src/index.ts'
import { isCatalogued, type UnlistedEvent, type WebhookEvent } from '../src/events/event.ts'
import type { Agreement } from '../src/events/payloads/agreement.ts'
import type { EventPayloads, EventType } from '../src/events/catalogue.ts'
import type { Charge } from '../src/events/payloads/charge.ts'
import type { Customs } from '../src/events/payloads/customs.ts'
import type { Order, OrderRefund } from '../src/events/payloads/order.ts'
import type { Recharge, RechargeRefund } from '../src/events/payloads/recharge.ts'
import type { RedEnvelope } from '../src/events/payloads/red-envelope.ts'
import type { BatchRefund, Refund } from '../src/events/payloads/refund.ts'
import type { RoyaltySettlement } from '../src/events/payloads/royalty-settlement.ts'
import type {
  AccountSummary,
  AppDailySummary,
  AppMonthlySummary,
  AppWeeklySummary,
} from '../src/events/payloads/summary.ts'
import type { BatchTransfer, Transfer } from '../src/events/payloads/transfer.ts'
import type { BatchWithdrawal, Withdrawal } from '../src/events/payloads/withdrawal.ts'
import type fixtures from '../src/fixtures/payloads.json'

type SentOrLater = 'sent' | 'refunding' | 'received' | 'failed' | 'refund'

describe('switch (event.type)', () => {
  it('narrows any event of Ping++ after `isCatalogued`', () => {
    const read = (event: WebhookEvent): void => {
      switch (event.type) {
        case 'red_envelope.sent':
          expectTypeOf(event).toEqualTypeOf<WebhookEvent<'red_envelope.sent'>>()
          expectTypeOf(event.data.object.status).toEqualTypeOf<SentOrLater>()
          return
        case 'red_envelope.received':
          expectTypeOf(event.data.object.status).toEqualTypeOf<'received'>()
          return
        case 'charge.succeeded':
          expectTypeOf(event.data.object).toEqualTypeOf<Charge>()
          return
        case 'account.summary.available':
          expectTypeOf(event.data.object.object).toEqualTypeOf<
            'account_daily_summary' | 'account_weekly_summary' | 'account_monthly_summary'
          >()
          return
        case 'recharge.refund.succeeded':
          expectTypeOf(event.data.object.object).toEqualTypeOf<string>()
          return
      }
      if (!isCatalogued(event)) expectTypeOf(event).toEqualTypeOf<UnlistedEvent>()
    }
    expectTypeOf(read).toBeFunction()
  })

  it('narrows every catalogued type, and leaves nothing over', () => {
    const read = (event: WebhookEvent<EventType>): void => {
      switch (event.type) {
        case 'red_envelope.sent':
          expectTypeOf(event.data.object).toEqualTypeOf<RedEnvelope<SentOrLater>>()
          return
        case 'red_envelope.received':
          expectTypeOf(event.data.object).toEqualTypeOf<RedEnvelope<'received'>>()
          return
        case 'red_envelope.failed':
          expectTypeOf(event.data.object).toEqualTypeOf<RedEnvelope<'failed'>>()
          return
        case 'red_envelope.refunding':
          expectTypeOf(event.data.object).toEqualTypeOf<RedEnvelope<Exclude<SentOrLater, 'sent'>>>()
          return
        case 'red_envelope.refund':
          expectTypeOf(event.data.object).toEqualTypeOf<RedEnvelope<'refund'>>()
          return
        case 'charge.succeeded':
        case 'charge.failed':
          expectTypeOf(event.data.object).toEqualTypeOf<Charge>()
          return
        case 'refund.succeeded':
        case 'refund.failed':
          expectTypeOf(event.data.object).toEqualTypeOf<Refund>()
          return
        case 'batch_refund.succeeded':
          expectTypeOf(event.data.object).toEqualTypeOf<BatchRefund>()
          return
        case 'transfer.succeeded':
        case 'transfer.failed':
          expectTypeOf(event.data.object).toEqualTypeOf<Transfer>()
          return
        case 'batch_transfer.succeeded':
        case 'batch_transfer.failed':
          expectTypeOf(event.data.object).toEqualTypeOf<BatchTransfer>()
          return
        case 'order.succeeded':
        case 'order.refunded':
          expectTypeOf(event.data.object).toEqualTypeOf<Order>()
          return
        case 'order.refund.succeeded':
        case 'order_refund.succeeded':
          expectTypeOf(event.data.object).toEqualTypeOf<OrderRefund | Refund>()
          return
        case 'recharge.succeeded':
          expectTypeOf(event.data.object).toEqualTypeOf<Recharge>()
          return
        case 'recharge.refund.succeeded':
          expectTypeOf(event.data.object).toEqualTypeOf<RechargeRefund>()
          return
        case 'balance.withdrawal.succeeded':
        case 'balance.withdrawal.failed':
          expectTypeOf(event.data.object).toEqualTypeOf<Withdrawal>()
          return
        case 'batch_withdrawal.succeeded':
        case 'batch_withdrawal.partially_succeeded':
        case 'batch_withdrawal.failed':
        case 'batch_withdrawal.canceled':
          expectTypeOf(event.data.object).toEqualTypeOf<BatchWithdrawal>()
          return
        case 'royalty_settlement.succeeded':
        case 'royalty_settlement.partially_succeeded':
        case 'royalty_settlement.failed':
        case 'royalty_settlement.canceled':
          expectTypeOf(event.data.object).toEqualTypeOf<RoyaltySettlement>()
          return
        case 'customs.succeeded':
          expectTypeOf(event.data.object).toEqualTypeOf<Customs>()
          return
        case 'agreement.succeeded':
          expectTypeOf(event.data.object).toEqualTypeOf<Agreement>()
          return
        case 'summary.daily.available':
          expectTypeOf(event.data.object).toEqualTypeOf<AppDailySummary>()
          return
        case 'summary.weekly.available':
          expectTypeOf(event.data.object).toEqualTypeOf<AppWeeklySummary>()
          return
        case 'summary.monthly.available':
          expectTypeOf(event.data.object).toEqualTypeOf<AppMonthlySummary>()
          return
        case 'account.summary.available':
          expectTypeOf(event.data.object).toEqualTypeOf<AccountSummary>()
          return
        default:
          expectTypeOf(event).toBeNever()
      }
    }
    expectTypeOf(read).toBeFunction()
  })
})

describe('payloads', () => {
  it('are known of every catalogued type: neither any nor unknown', () => {
    expectTypeOf<
      { [Type in EventType]: Knowledge<EventPayloads[Type]> }[EventType]
    >().toEqualTypeOf<'known'>()
  })

  it('have ids that are strings, and summaries have none', () => {
    type Ids<Payload> = Payload extends { readonly id: infer Id } ? Id : 'none'
    expectTypeOf<Ids<EventPayloads[Exclude<EventType, SummaryType>]>>().toEqualTypeOf<string>()
    expectTypeOf<Ids<EventPayloads[SummaryType]>>().toEqualTypeOf<'none'>()
  })

  it('of the fixtures have only fields of their types', () => {
    type FieldOf<Payload> = Payload extends unknown ? keyof Payload : never
    expectTypeOf<
      {
        [Type in EventType]: Exclude<
          keyof (typeof fixtures)[Type],
          FieldOf<EventPayloads[Type]> | 'like'
        >
      }[EventType]
    >().toEqualTypeOf<never>()
  })
})

describe('on', () => {
  const webhooks = createWebhooks({ publicKey: undefined, inbox: memoryInbox() })

  it('passes a handler the payload of its type', () => {
    webhooks.on('red_envelope.sent', (event, context) => {
      expectTypeOf(event).toEqualTypeOf<WebhookEvent<'red_envelope.sent'>>()
      expectTypeOf(event.type).toEqualTypeOf<'red_envelope.sent'>()
      expectTypeOf(event.data.object.status).toEqualTypeOf<SentOrLater>()
      expectTypeOf(context).toExtend<HandlerContext>()
      expectTypeOf(context.signal).toEqualTypeOf<AbortSignal>()
      expectTypeOf(context.rawBody).toEqualTypeOf<Uint8Array | undefined>()
      expectTypeOf(context.source).toEqualTypeOf<'webhook' | 'poll' | 'dispatch'>()
    })
    webhooks.on('charge.succeeded', async ({ data }) => {
      expectTypeOf(data.object).toEqualTypeOf<Charge>()
      await Promise.resolve()
    })
  })

  it('passes a handler of * every event', () => {
    webhooks.on('*', (event) => {
      expectTypeOf(event).toEqualTypeOf<WebhookEvent>()
    })
  })

  it('accepts a type outside the catalogue only as `unlisted`', () => {
    webhooks.on(unlisted('coupon.created'), (event) => {
      expectTypeOf(event).toEqualTypeOf<UnlistedEvent>()
      expectTypeOf(event.data.object).toEqualTypeOf<Readonly<Record<string, unknown>>>()
    })
    // @ts-expect-error -- misspelt
    webhooks.on('red_envelope.send', () => {})
    // @ts-expect-error -- misspelt
    webhooks.off('red_envelope.send', () => {})
    // @ts-expect-error -- any text
    webhooks.on('coupon.created' as string, () => {})
  })

  it('takes a list of types, with their union for the handler', () => {
    webhooks.on(['charge.succeeded', 'charge.failed'], (event) => {
      expectTypeOf(event).toEqualTypeOf<WebhookEvent<'charge.succeeded' | 'charge.failed'>>()
    })
    webhooks.on([unlisted('coupon.created')], (event) => {
      expectTypeOf(event).toEqualTypeOf<UnlistedEvent>()
    })
    // @ts-expect-error -- misspelt
    webhooks.on(['charge.succeeded', 'charge.fialed'], () => {})
  })

  it('takes a map, in which every handler gets the event of its key', () => {
    const handlers: WebhookHandlers = {
      'red_envelope.sent': (event, { key }) => {
        expectTypeOf(event).toEqualTypeOf<WebhookEvent<'red_envelope.sent'>>()
        expectTypeOf(key).toEqualTypeOf<string>()
      },
      '*': (event) => {
        expectTypeOf(event).toEqualTypeOf<WebhookEvent>()
      },
    }
    webhooks.on(handlers)
    createWebhooks({ publicKey: '', on: handlers })
    // @ts-expect-error -- misspelt
    webhooks.on({ 'red_envelope.snet': () => {} })
    // @ts-expect-error -- misspelt
    createWebhooks({ publicKey: '', on: { 'red_envelope.snet': () => {} } })
    // @ts-expect-error -- the handler of another event
    webhooks.on({ 'red_envelope.sent': (event: WebhookEvent<'charge.succeeded'>) => void event })
    // @ts-expect-error -- it was not imported
    webhooks.on({ 'red_envelope.sent': undefined })
  })

  it('refuses a handler of another event, and an impossible payload', () => {
    // @ts-expect-error -- another event
    webhooks.on('red_envelope.sent', (event: WebhookEvent<'charge.succeeded'>) => void event)
    webhooks.on('red_envelope.sent', ({ data }) => {
      // @ts-expect-error -- an envelope that was sent is not on its way any more
      return data.object.status === 'sending' ? undefined : undefined
    })
  })

  it('takes several types at once, and types that a function is generic over', () => {
    for (const type of ['red_envelope.sent', 'red_envelope.failed'] as const) {
      webhooks.on(type, ({ data }) => {
        expectTypeOf(data.object.amount).toEqualTypeOf<number>()
      })
    }
    function listen<Type extends EventType>(type: Type, handler: WebhookHandler<Type>): void {
      webhooks.on(type, handler)
    }
    listen('charge.succeeded', ({ data }) => {
      expectTypeOf(data.object).toEqualTypeOf<Charge>()
    })
  })

  it('passes a handler a payload that is read-only, destructured too', () => {
    webhooks.on('red_envelope.sent', ({ data }) => {
      // @ts-expect-error -- read-only
      data.object.amount = 1
    })
  })

  it('is chained, and has neither `once` nor `emit`', () => {
    expectTypeOf(webhooks.on('*', () => {})).toEqualTypeOf<Webhooks>()
    expectTypeOf(webhooks).not.toHaveProperty('once')
    expectTypeOf(webhooks).not.toHaveProperty('emit')
  })

  it('passes a handler the context of the inbox', () => {
    interface Lent {
      readonly tx: { query(sql: string): Promise<unknown> }
    }
    const inbox: Inbox<Lent> = { retentionSeconds: 172_800, admit: () => Promise.resolve('busy') }
    const lending = createWebhooks({ publicKey: undefined, inbox })
    expectTypeOf(lending).toEqualTypeOf<Webhooks<Lent>>()
    lending.on('red_envelope.sent', (_, { tx, source }) => {
      expectTypeOf(tx).toEqualTypeOf<Lent['tx']>()
      expectTypeOf(source).toEqualTypeOf<'webhook' | 'poll' | 'dispatch'>()
    })
    webhooks.on('red_envelope.sent', (_, context) => {
      expectTypeOf(context).not.toHaveProperty('tx')
    })
    createWebhooks({
      publicKey: undefined,
      inbox,
      on: { 'red_envelope.sent': (_, { tx }) => void expectTypeOf(tx).toEqualTypeOf<Lent['tx']>() },
    })
    expectTypeOf<ContextOf<typeof inbox>>().toEqualTypeOf<Lent>()
    expectTypeOf<ContextOf<typeof lending>>().toEqualTypeOf<Lent>()
    expectTypeOf<ContextOf<typeof webhooks>>().toEqualTypeOf<NoContext>()
    const onSent: WebhookHandler<'red_envelope.sent', Lent> = (_, { tx }) => tx.query('')
    lending.on('red_envelope.sent', onSent).on({ 'red_envelope.sent': onSent })
    // @ts-expect-error -- this receiver's inbox lends no transaction
    webhooks.on('red_envelope.sent', onSent)
    // @ts-expect-error -- nor this one's
    createWebhooks({ publicKey: undefined, on: { 'red_envelope.sent': onSent } })
    const plain: WebhookHandler<'red_envelope.sent'> = () => {}
    lending.on('red_envelope.sent', plain).on({ 'red_envelope.sent': plain })
  })
})

type SummaryType =
  | 'summary.daily.available'
  | 'summary.weekly.available'
  | 'summary.monthly.available'
  | 'account.summary.available'

type Knowledge<Payload> = 0 extends 1 & Payload
  ? 'any'
  : unknown extends Payload
    ? 'unknown'
    : 'known'

describe('an outcome', () => {
  it('discriminates replies, reports and results', () => {
    function read(reply: Reply, report: WebhookReport, result: DispatchResult): void {
      if (reply.outcome === 'rejected') expectTypeOf(reply.code).toEqualTypeOf<WebhookErrorCode>()
      if (report.outcome === 'failed') {
        expectTypeOf(report.code).toEqualTypeOf<WebhookErrorCode>()
        expectTypeOf(report.error).toEqualTypeOf<WebhookError>()
      }
      if (result.outcome === 'failed') {
        expectTypeOf(result.error.code).toEqualTypeOf<WebhookErrorCode>()
        expectTypeOf(result.finalResult).toEqualTypeOf<Promise<DispatchResult> | undefined>()
      }
      // @ts-expect-error -- only what was rejected or failed has a code
      if (reply.outcome === 'handled') void reply.code
      // @ts-expect-error -- the outcome has to be looked at first
      void report.error
      // @ts-expect-error -- no such outcome
      if (result.outcome === 'busy') void result
    }
    expectTypeOf(read).toBeFunction()
  })

  it('is one of five', () => {
    type Five = 'handled' | 'duplicate' | 'unhandled' | 'rejected' | 'failed'
    expectTypeOf<WebhookOutcome>().toEqualTypeOf<Five>()
    expectTypeOf<Reply['outcome']>().toEqualTypeOf<Five>()
    expectTypeOf<WebhookReport['outcome']>().toEqualTypeOf<Five>()
    expectTypeOf<DispatchResult['outcome']>().toEqualTypeOf<Five>()
  })
})

describe('a context', () => {
  interface Lent {
    readonly tx: { query(sql: string): Promise<unknown> }
  }

  it('that handlers expect needs the inbox that provides it', () => {
    // @ts-expect-error -- `tx` would be undefined
    createWebhooks<Lent>({ publicKey: undefined })
    // @ts-expect-error -- the memory inbox has no `tx`
    createWebhooks<Lent>({ publicKey: undefined, inbox: memoryInbox() })
  })

  it('may be named beside its inbox, and be generic', () => {
    function open<C extends object>(inbox: Inbox<C>): Webhooks<C> {
      return createWebhooks<C>({ publicKey: undefined, inbox })
    }
    expectTypeOf(open<Lent>).returns.toEqualTypeOf<Webhooks<Lent>>()
    expectTypeOf(createWebhooks({ publicKey: undefined })).toEqualTypeOf<Webhooks>()
  })
})

describe('a public key', () => {
  it('may be a function, sync or async', () => {
    createWebhooks({ publicKey: () => 'pem' })
    createWebhooks({ publicKey: async () => ['pem', { path: 'key.pem' }] })
    // @ts-expect-error -- a number is no key
    createWebhooks({ publicKey: () => 5 })
  })
})

describe('a guard', () => {
  it('may be left out, and not be undefined', () => {
    createWebhooks({ publicKey: undefined })
    // @ts-expect-error -- it would accept the events of every app
    createWebhooks({ publicKey: undefined, app: undefined })
    // @ts-expect-error -- it would accept live and test events
    createWebhooks({ publicKey: undefined, livemode: undefined })
    // @ts-expect-error -- it would remember nothing beyond this process
    createWebhooks({ publicKey: undefined, inbox: undefined })
  })
})
