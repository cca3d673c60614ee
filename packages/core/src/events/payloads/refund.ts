/**
 * Money going back for a charge (API reference, "Refund object").
 *
 * It names neither its app nor its mode; the event around it has the mode.
 */
export interface Refund {
  /** `re_` and 24 characters. */
  readonly id: string
  /** Always `refund`. */
  readonly object: 'refund'
  /** Number of the refund, given by Ping++. */
  readonly order_no: string
  /** Integer amount in fen, at most the rest of the charge. */
  readonly amount: number
  /** ISO code in lower case. Only the Java SDK has it; absent in all samples. */
  readonly currency?: string
  /** Unix time in seconds. */
  readonly created: number
  /** Whether the money was refunded; the same as `status`. */
  readonly succeed: boolean
  /** How far the refund is. */
  readonly status: RefundStatus
  /** When the money went back, Unix time in seconds; null before that. */
  readonly time_succeed: number | null
  /** Why you refund, up to 255 characters. */
  readonly description: string
  /** One of the API's error codes; null unless the refund failed. */
  readonly failure_code: string | null
  /** The reason in words; null unless the refund failed. */
  readonly failure_msg: string | null
  /** Metadata that you attached when you created the refund. */
  readonly metadata: Readonly<Record<string, unknown>>
  /** Id of the charge. */
  readonly charge: string
  /** `order_no` of the charge. Absent in events of 2015. */
  readonly charge_order_no?: string
  /** The channel's number; some channels have none. Absent in events of 2015. */
  readonly transaction_no?: string | null
  /** `unsettled_funds` or `recharge_funds`; present only if the request named it. */
  readonly funding_source?: string
  /** Results of the channel. Absent in older events. */
  readonly extra?: Readonly<Record<string, unknown>>
}

/** How far a refund is. */
export type RefundStatus = 'pending' | 'succeeded' | 'failed'
