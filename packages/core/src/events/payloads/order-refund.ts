/**
 * Money going back for an order (account API of 2016; Go SDK).
 *
 * The one sample writes `id` as a number beyond 2⁵³; `parseEvent` keeps all of its digits.
 */
export interface OrderRefund {
  /** 19 digits. */
  readonly id: string
  /** Always `order_refund`. */
  readonly object: 'order_refund'
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
  /** Unix time in seconds. */
  readonly created: number
  /** When the money went back, Unix time in seconds; null before that. */
  readonly time_succeed: number | null
  /** Why you refund. */
  readonly description: string
  /** Metadata that you attached when you created the refund. */
  readonly metadata: Readonly<Record<string, unknown>>
  /** Results of the channel: `failure_code`, `failure_msg` and `channel_transaction`. */
  readonly extra: Readonly<Record<string, unknown>>
  /** Destination of the money. Only the Go SDK has it. */
  readonly refund_mode?: string
}
