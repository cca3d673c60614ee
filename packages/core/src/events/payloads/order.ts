import type { Charge } from './charge.ts'
import type { AppPayload, ListObject, Payload, Purchase, WithMetadata } from './payload.ts'

/**
 * An order of goods, paid by one or more charges (API reference, "Order object"; sample of the
 * Java SDK).
 *
 * Fields marked "2016" are in samples of that year and in no later one.
 */
export interface Order extends AppPayload<'order'>, Purchase {
  /** 19 digits. */
  readonly id: string
  /** How far the order is. */
  readonly status: OrderStatus
  /** Your id of the customer. */
  readonly uid: string
  /** The customer's balance before payment: integer amount in fen. */
  readonly available_balance: number
  /** Your own number of the order. */
  readonly merchant_order_no: string
  /** Price before discounts: integer amount in fen. */
  readonly amount: number
  /** `amount` less the coupon: integer amount in fen. Absent in events of 2016. */
  readonly actual_amount?: number
  /** Amount paid so far: integer, in fen. Absent in events of 2016. */
  readonly amount_paid?: number
  /** Discount of the coupon: integer amount in fen. */
  readonly coupon_amount: number
  /** Other discounts: integer amount in fen. Only the Java SDK has it. */
  readonly discount_amount?: number
  /** When the order lapses unpaid, Unix time in seconds. */
  readonly time_expire: number
  /** Id of the charge that paid last; null if there is none. */
  readonly charge: string | null
  /** Id of the coupon; null if none was used. */
  readonly coupon: string | null
  /** Details of the payment from the channel; empty before the order is paid through one. */
  readonly charge_essentials: ChargeEssentials
  /** Id of the app that takes the money. Absent in events of 2016. */
  readonly receipt_app?: string
  /** Id of the app that serves the customer. Absent in events of 2016. */
  readonly service_app?: string
  /** Channels that the order can be paid through. Absent in events of 2016. */
  readonly available_methods?: readonly string[]
  /** The charges of the order, without their refunds. Absent in events of 2016. */
  readonly charges?: ListObject<Charge>
  /** Id of the user that pays. Only the C# SDK has it. */
  readonly user_from?: string | null
  /** 2016: `purchase` or `recharge`. */
  readonly type?: string
  /** 2016: paid from the balance, integer amount in fen. */
  readonly balance_amount?: number
  /** 2016: paid through the channel, integer amount in fen. */
  readonly charge_amount?: number
  /** 2016: id of the change of balance. */
  readonly balance_transaction?: string | null
  /** 2016: the customer's fee, integer amount in fen. */
  readonly user_fee?: number
  /** 2016: integer amount in fen. */
  readonly extra_amount?: number
  /** 2016: the refunds of the order. */
  readonly refunds?: ListObject<Readonly<Record<string, unknown>>>
}

/** How far an order is; `refunded` begins with the first refund of any amount. */
export type OrderStatus = 'created' | 'paid' | 'refunded' | 'canceled'

/** Details of the payment of an order from the channel. */
export interface ChargeEssentials {
  /** Channel of the payment. */
  readonly channel?: string
  /** The channel's number; null before payment. */
  readonly transaction_no?: string | null
  /** One of the API's error codes; null unless the payment failed. */
  readonly failure_code?: string | null
  /** The reason in words; null unless the payment failed. */
  readonly failure_msg?: string | null
  /** Parameters for the channel and its results. */
  readonly extra?: Readonly<Record<string, unknown>>
  /** Data that the client needs to pay; empty once it is paid. */
  readonly credential?: Readonly<Record<string, unknown>>
}

/**
 * Money going back for an order (account API of 2016; Go SDK).
 *
 * The one sample writes `id` as a number beyond 2⁵³; `parseEvent` keeps all of its digits.
 */
export interface OrderRefund extends Payload<'order_refund'>, WithMetadata {
  /** 19 digits. */
  readonly id: string
  /** Id of the order. */
  readonly order: string
  /** Id of the app, or the app itself if it was expanded. */
  readonly app: string | { readonly id: string }
  /** Your id of the customer. */
  readonly uid: string
  /** Your own number of the order. */
  readonly merchant_order_no: string
  /** Integer amount in fen. */
  readonly amount: number
  /** Discount of the coupon: integer amount in fen. */
  readonly coupon_amount: number
  /** Refund to the balance: integer amount in fen. */
  readonly balance_amount: number
  /** Refund through the channel: integer amount in fen. */
  readonly charge_amount: number
  /** Id of the coupon; null if none was used. */
  readonly coupon: string | null
  /** Id of the change of balance; null if there is none. */
  readonly balance_transaction: string | null
  /** Id of the refund of the charge; null if there is none. The event sample lacks it. */
  readonly charge_refund?: string | null
  /** The same id as the event sample names it. */
  readonly charge_rfd_id?: string | null
  /** How far the refund is; `succeeded` in the sample. */
  readonly status: string
  /** When the money went back, Unix time in seconds; null before that. */
  readonly time_succeed: number | null
  /** Why you refund. */
  readonly description: string
  /** Results of the channel: `failure_code`, `failure_msg` and `channel_transaction`. */
  readonly extra: Readonly<Record<string, unknown>>
  /** Destination of the money. Only the Go SDK has it. */
  readonly refund_mode?: string
}
