import type { Charge } from './charge.ts'
import type { ListObject } from './list.ts'

/**
 * An order of goods, paid by one or more charges (API reference, "Order object"; sample of the
 * Java SDK).
 *
 * Fields marked "2016" are in samples of that year and in no later one.
 */
export interface Order {
  /** 19 digits. */
  readonly id: string
  /** Always `order`. */
  readonly object: 'order'
  /** Unix time in seconds. */
  readonly created: number
  /** False in test mode, in which no money moves. */
  readonly livemode: boolean
  /** Whether the paid amount, less refunds, covers `actual_amount`. */
  readonly paid: boolean
  /** Whether a refund was requested, successful or not. */
  readonly refunded: boolean
  /** How far the order is. */
  readonly status: OrderStatus
  /** Id of the app, or the app itself if it was expanded. */
  readonly app: string | { readonly id: string }
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
  /** Amount refunded so far: integer, in fen. */
  readonly amount_refunded: number
  /** Amount paid so far: integer, in fen. Absent in events of 2016. */
  readonly amount_paid?: number
  /** Discount of the coupon: integer amount in fen. */
  readonly coupon_amount: number
  /** Other discounts: integer amount in fen. Only the Java SDK has it. */
  readonly discount_amount?: number
  /** ISO code in lower case, `cny`. */
  readonly currency: string
  /** Title of the goods, up to 32 characters. */
  readonly subject: string
  /** Description of the goods, up to 128 characters. */
  readonly body: string
  /** IPv4 or IPv6 address of the customer. */
  readonly client_ip: string
  /** When the order was paid, Unix time in seconds; null before that. */
  readonly time_paid: number | null
  /** When the order lapses unpaid, Unix time in seconds. */
  readonly time_expire: number
  /** Id of the charge that paid last; null if there is none. */
  readonly charge: string | null
  /** Id of the coupon; null if none was used. */
  readonly coupon: string | null
  /** Your note, up to 255 characters. */
  readonly description: string | null
  /** Metadata that you attached when you created the order. */
  readonly metadata: Readonly<Record<string, unknown>>
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
