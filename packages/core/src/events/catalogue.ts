import type { Agreement } from './payloads/agreement.ts'
import type { Charge } from './payloads/charge.ts'
import type { Customs } from './payloads/customs.ts'
import type { Order, OrderRefund } from './payloads/order.ts'
import type { Recharge, RechargeRefund } from './payloads/recharge.ts'
import type { RedEnvelope, RedEnvelopeStatus } from './payloads/red-envelope.ts'
import type { BatchRefund, Refund } from './payloads/refund.ts'
import type { RoyaltySettlement } from './payloads/royalty-settlement.ts'
import type {
  AccountSummary,
  AppDailySummary,
  AppMonthlySummary,
  AppWeeklySummary,
} from './payloads/summary.ts'
import type { BatchTransfer, Transfer } from './payloads/transfer.ts'
import type { BatchWithdrawal, Withdrawal } from './payloads/withdrawal.ts'
import { readEnvelopeStatus } from './state.ts'

/**
 * Event type → payload: every type that Ping++ documents or has been seen to send, and three of the
 * library's own.
 */
export interface EventPayloads {
  /**
   * WeChat has the envelope, and the user a message to open it. `status` is `sent`, or ahead of it
   * when the envelope had moved on before Ping++ wrote the event.
   */
  'red_envelope.sent': RedEnvelope<SentOrLater>
  /** The user opened it. */
  'red_envelope.received': RedEnvelope<'received'>
  /** It could not be sent; see `failure_msg`. No webhook: the reconciler of `@hongbao/client` dispatches it. */
  'red_envelope.failed': RedEnvelope<'failed'>
  /**
   * It was not opened within 24 hours, and the money is on its way back. No webhook: the reconciler of
   * `@hongbao/client` dispatches it, if it polls at the right time.
   */
  'red_envelope.refunding': RedEnvelope<Exclude<SentOrLater, 'sent'>>
  /** The money of an unopened one is back. No webhook: the reconciler of `@hongbao/client` dispatches it. */
  'red_envelope.refund': RedEnvelope<'refund'>
  /** A customer paid. */
  'charge.succeeded': Charge
  /** A payment under an agreement failed. */
  'charge.failed': Charge
  /** The money of a refund went back. */
  'refund.succeeded': Refund
  /** A refund failed. */
  'refund.failed': Refund
  /** A batch of refunds ended, the whole of it or a part successfully. */
  'batch_refund.succeeded': BatchRefund
  /** The money of a transfer arrived. */
  'transfer.succeeded': Transfer
  /** A transfer failed. */
  'transfer.failed': Transfer
  /** A batch of transfers ended, the whole of it or a part successfully. */
  'batch_transfer.succeeded': BatchTransfer
  /** A batch of transfers failed as a whole. */
  'batch_transfer.failed': BatchTransfer
  /** An order is paid. */
  'order.succeeded': Order
  /** An order was refunded; the payload is the order, not the refund. */
  'order.refunded': Order
  /** The money of a refund of an order went back; documents of 2016 call the payload order_refund, later ones refund. */
  'order.refund.succeeded': OrderRefund | Refund
  /** The other spelling of `order.refund.succeeded`; the documents of 2016 use both. */
  'order_refund.succeeded': OrderRefund | Refund
  /** A user paid into a balance. */
  'recharge.succeeded': Recharge
  /** The money of a recharge went back. */
  'recharge.refund.succeeded': RechargeRefund
  /** A user's withdrawal arrived. */
  'balance.withdrawal.succeeded': Withdrawal
  /** A user's withdrawal failed. */
  'balance.withdrawal.failed': Withdrawal
  /** All withdrawals of a batch arrived. */
  'batch_withdrawal.succeeded': BatchWithdrawal
  /** Some withdrawals of a batch arrived. */
  'batch_withdrawal.partially_succeeded': BatchWithdrawal
  /** All withdrawals of a batch failed. */
  'batch_withdrawal.failed': BatchWithdrawal
  /** A batch of withdrawals was canceled. */
  'batch_withdrawal.canceled': BatchWithdrawal
  /** All payments of a settlement arrived. */
  'royalty_settlement.succeeded': RoyaltySettlement
  /** Some payments of a settlement arrived. */
  'royalty_settlement.partially_succeeded': RoyaltySettlement
  /** All payments of a settlement failed. */
  'royalty_settlement.failed': RoyaltySettlement
  /** A settlement was canceled. */
  'royalty_settlement.canceled': RoyaltySettlement
  /** Customs accepted a declaration. */
  'customs.succeeded': Customs
  /** A customer agreed to later payments. */
  'agreement.succeeded': Agreement
  /** Payments of yesterday, sent at 2 or 4 in the morning. */
  'summary.daily.available': AppDailySummary
  /** Payments of last week, sent on Monday. */
  'summary.weekly.available': AppWeeklySummary
  /** Payments of last month, sent on its first day. */
  'summary.monthly.available': AppMonthlySummary
  /** Payments of a whole account; not documented, but in a signed sample. */
  'account.summary.available': AccountSummary
}

/** The statuses of an envelope after it was `sent`: an event may be written later than its step. */
export type SentOrLater = Exclude<RedEnvelopeStatus, 'sending'>

/** A type of event that Ping++ documents or has been seen to send, or that the reconciler dispatches. */
export type EventType = keyof EventPayloads

/**
 * Event type → the kind of `data.object`, or the kinds; null if no source names it. A webhook of one of the
 * library's own types is accepted like any other: if its signature is valid, Ping++ has added the type.
 *
 * Annotated rather than `as const satisfies`: under that, TypeScript 7 cannot declare the list of
 * kinds with `isolatedDeclarations` (TS9017).
 */
export const CATALOGUE: {
  readonly [Type in EventType]:
    | EventPayloads[Type]['object']
    | readonly EventPayloads[Type]['object'][]
    | null
} = {
  'red_envelope.sent': 'red_envelope',
  'red_envelope.received': 'red_envelope',
  'red_envelope.failed': 'red_envelope',
  'red_envelope.refunding': 'red_envelope',
  'red_envelope.refund': 'red_envelope',
  'charge.succeeded': 'charge',
  'charge.failed': 'charge',
  'refund.succeeded': 'refund',
  'refund.failed': 'refund',
  'batch_refund.succeeded': 'batch_refund',
  'transfer.succeeded': 'transfer',
  'transfer.failed': 'transfer',
  'batch_transfer.succeeded': 'batch_transfer',
  'batch_transfer.failed': 'batch_transfer',
  'order.succeeded': 'order',
  'order.refunded': 'order',
  'order.refund.succeeded': ['order_refund', 'refund'],
  'order_refund.succeeded': ['order_refund', 'refund'],
  'recharge.succeeded': 'recharge',
  'recharge.refund.succeeded': null,
  'balance.withdrawal.succeeded': 'withdrawal',
  'balance.withdrawal.failed': 'withdrawal',
  'batch_withdrawal.succeeded': 'batch_withdrawal',
  'batch_withdrawal.partially_succeeded': 'batch_withdrawal',
  'batch_withdrawal.failed': 'batch_withdrawal',
  'batch_withdrawal.canceled': 'batch_withdrawal',
  'royalty_settlement.succeeded': 'royalty_settlement',
  'royalty_settlement.partially_succeeded': 'royalty_settlement',
  'royalty_settlement.failed': 'royalty_settlement',
  'royalty_settlement.canceled': 'royalty_settlement',
  'customs.succeeded': 'customs',
  'agreement.succeeded': 'agreement',
  'summary.daily.available': 'app_daily_summary',
  'summary.weekly.available': 'app_weekly_summary',
  'summary.monthly.available': 'app_monthly_summary',
  'account.summary.available': [
    'account_daily_summary',
    'account_weekly_summary',
    'account_monthly_summary',
  ],
}

export interface EventRule {
  /** The kinds that `data.object` may be of; undefined for any. */
  readonly kinds: readonly string[] | undefined
  /**
   * The step of a red envelope that the type announces. It happens once in the life of an envelope, so
   * the envelope identifies it. `data.object.status` may be later; if it is earlier or missing, handlers
   * get this one; only another end of the envelope is refused.
   */
  readonly step: RedEnvelopeStatus | undefined
}

// A Map, because types come from outside: `constructor` and `__proto__` too.
const RULES: ReadonlyMap<string, EventRule> = new Map(
  Object.entries(CATALOGUE).map(([type, kind]) => {
    const kinds = kind === null ? undefined : [kind].flat()
    const step = kind === 'red_envelope' ? readEnvelopeStatus(type.split('.')[1]) : undefined
    return [type, { kinds, step }]
  }),
)

export function ruleOf(type: string): EventRule | undefined {
  return RULES.get(type)
}

/** Returns whether a text could name an event type; `*` could not. */
export function isEventName(value: unknown): value is string {
  return typeof value === 'string' && TYPE.test(value)
}

const TYPE = /^[\w.-]{1,64}$/
