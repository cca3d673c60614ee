import type { Agreement } from './payloads/agreement.ts'
import type { BatchRefund } from './payloads/batch-refund.ts'
import type { BatchTransfer } from './payloads/batch-transfer.ts'
import type { Charge } from './payloads/charge.ts'
import type { Customs } from './payloads/customs.ts'
import type { OrderRefund } from './payloads/order-refund.ts'
import type { Order } from './payloads/order.ts'
import type { Recharge, RechargeRefund } from './payloads/recharge.ts'
import type { RedEnvelope, RedEnvelopeStatus, SentOrLater } from './payloads/red-envelope.ts'
import type { Refund } from './payloads/refund.ts'
import type { RoyaltySettlement } from './payloads/royalty-settlement.ts'
import type {
  AccountSummary,
  AppDailySummary,
  AppMonthlySummary,
  AppWeeklySummary,
} from './payloads/summary.ts'
import type { Transfer } from './payloads/transfer.ts'
import type { BatchWithdrawal, Withdrawal } from './payloads/withdrawal.ts'

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
  /**
   * The envelope could not be sent; `failure_msg` says why. Ping++ has no webhook for this:
   * the reconciler of `@hongbao/client` dispatches it.
   */
  'red_envelope.failed': RedEnvelope<'failed'>
  /**
   * It was not opened within 24 hours, and the money is on its way back. Ping++ has no webhook for this:
   * the reconciler of `@hongbao/client` dispatches it, if it polls at the right time.
   */
  'red_envelope.refunding': RedEnvelope<Exclude<SentOrLater, 'sent'>>
  /**
   * The money of an envelope that was not opened is back. Ping++ has no webhook for this: the
   * reconciler of `@hongbao/client` dispatches it.
   */
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

/** A type of event that Ping++ documents or has been seen to send, or that the reconciler dispatches. */
export type EventType = keyof EventPayloads

/**
 * Event type → rules for an event of that type: one table.
 *
 * - `object`: the kind of `data.object`, or the kinds; null if no source names it.
 * - `status`: the step of the type. `data.object.status` may be later; if it is earlier or missing,
 *   handlers get this one; only another end of the envelope is refused.
 * - `oncePerObject`: the step happens once for each object, so the object identifies it.
 *
 * A webhook of one of the library's own types is accepted like any other: if its signature is valid,
 * Ping++ has added the type, and the key of the step is the same for a webhook and for a poll.
 *
 * Annotated rather than `as const satisfies`: under that, TypeScript 7 cannot declare the list of
 * kinds with `isolatedDeclarations` (TS9017).
 */
export const CATALOGUE: {
  readonly [Type in EventType]: {
    readonly object: EventPayloads[Type]['object'] | readonly EventPayloads[Type]['object'][] | null
    readonly status?: RedEnvelopeStatus
    readonly oncePerObject?: boolean
  }
} = {
  'red_envelope.sent': { object: 'red_envelope', status: 'sent', oncePerObject: true },
  'red_envelope.received': { object: 'red_envelope', status: 'received', oncePerObject: true },
  'red_envelope.failed': { object: 'red_envelope', status: 'failed', oncePerObject: true },
  'red_envelope.refunding': { object: 'red_envelope', status: 'refunding', oncePerObject: true },
  'red_envelope.refund': { object: 'red_envelope', status: 'refund', oncePerObject: true },
  'charge.succeeded': { object: 'charge' },
  'charge.failed': { object: 'charge' },
  'refund.succeeded': { object: 'refund' },
  'refund.failed': { object: 'refund' },
  'batch_refund.succeeded': { object: 'batch_refund' },
  'transfer.succeeded': { object: 'transfer' },
  'transfer.failed': { object: 'transfer' },
  'batch_transfer.succeeded': { object: 'batch_transfer' },
  'batch_transfer.failed': { object: 'batch_transfer' },
  'order.succeeded': { object: 'order' },
  'order.refunded': { object: 'order' },
  'order.refund.succeeded': { object: ['order_refund', 'refund'] },
  'order_refund.succeeded': { object: ['order_refund', 'refund'] },
  'recharge.succeeded': { object: 'recharge' },
  'recharge.refund.succeeded': { object: null },
  'balance.withdrawal.succeeded': { object: 'withdrawal' },
  'balance.withdrawal.failed': { object: 'withdrawal' },
  'batch_withdrawal.succeeded': { object: 'batch_withdrawal' },
  'batch_withdrawal.partially_succeeded': { object: 'batch_withdrawal' },
  'batch_withdrawal.failed': { object: 'batch_withdrawal' },
  'batch_withdrawal.canceled': { object: 'batch_withdrawal' },
  'royalty_settlement.succeeded': { object: 'royalty_settlement' },
  'royalty_settlement.partially_succeeded': { object: 'royalty_settlement' },
  'royalty_settlement.failed': { object: 'royalty_settlement' },
  'royalty_settlement.canceled': { object: 'royalty_settlement' },
  'customs.succeeded': { object: 'customs' },
  'agreement.succeeded': { object: 'agreement' },
  'summary.daily.available': { object: 'app_daily_summary' },
  'summary.weekly.available': { object: 'app_weekly_summary' },
  'summary.monthly.available': { object: 'app_monthly_summary' },
  'account.summary.available': {
    object: ['account_daily_summary', 'account_weekly_summary', 'account_monthly_summary'],
  },
}

/** The rule of one type, without its literal types. */
export interface EventRule {
  /** The kinds that `data.object` may be of; undefined for any. */
  readonly kinds: readonly string[] | undefined
  readonly status: RedEnvelopeStatus | undefined
  readonly oncePerObject: boolean
}

// A Map, because types come from outside: `constructor` and `__proto__` too.
const RULES: ReadonlyMap<string, EventRule> = new Map(
  Object.entries(CATALOGUE).map(([type, { object, status, oncePerObject = false }]) => {
    const kinds = object === null ? undefined : [object].flat()
    return [type, { kinds, status, oncePerObject }]
  }),
)

/** Returns the rule of a type that is in the catalogue. */
export function ruleOf(type: string): EventRule | undefined {
  return RULES.get(type)
}
