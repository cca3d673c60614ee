import type { AppPayload, Failure, ListObject, Payload, WithMetadata } from './payload.ts'

/**
 * Money going back for a charge (API reference, "Refund object").
 *
 * It names neither its app nor its mode; the event around it has the mode.
 */
export interface Refund extends Payload<'refund'>, Failure, WithMetadata {
  /** `re_` and 24 characters. */
  readonly id: string
  /** Number of the refund, given by Ping++. */
  readonly order_no: string
  /** Integer amount in fen, at most the rest of the charge. */
  readonly amount: number
  /** ISO code in lower case. Only the Java SDK has it; absent in all samples. */
  readonly currency?: string
  /** Whether the money was refunded; the same as `status`. */
  readonly succeed: boolean
  /** How far the refund is. */
  readonly status: RefundStatus
  /** When the money went back, Unix time in seconds; null before that. */
  readonly time_succeed: number | null
  /** Why you refund, up to 255 characters. */
  readonly description: string
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

/** Refunds of many charges at once (API reference, "Batch refund object"). */
export interface BatchRefund extends AppPayload<'batch_refund'>, WithMetadata {
  /** 18 digits. */
  readonly id: string
  /** Your own number of the batch, 3 to 24 letters and digits. */
  readonly batch_no: string
  /** Why you refund. */
  readonly description: string
  /** One entry for each charge. */
  readonly charges: readonly BatchRefundCharge[]
  /** The refunds made so far. */
  readonly refunds: ListObject<Refund>
  /** Alipay's page for confirming the refunds; null once they succeeded. */
  readonly refund_url: string | null
  /** How far the batch is. */
  readonly status: BatchRefundStatus
  /** When the batch succeeded, Unix time in seconds; null before that. */
  readonly time_succeeded: number | null
}

/** One charge that a batch refunds. */
export interface BatchRefundCharge {
  /** Id of the charge. */
  readonly charge: string
  /** Id of the refund; null before there is one. */
  readonly refund?: string | null
  /** Integer amount in fen; absent if the whole charge is refunded. */
  readonly amount?: number
  /** Why you refund. */
  readonly description?: string
  /** How far the refund is. */
  readonly status: string
  /** The reason in words; null unless the refund failed. */
  readonly failure_msg?: string | null
  /** `unsettled_funds` or `recharge_funds`; present only if the request named it. */
  readonly funding_source?: string
}

/** How far a batch of refunds is. */
export type BatchRefundStatus =
  | 'created'
  | 'pending'
  | 'succeeded'
  | 'failed'
  | 'partially_succeeded'
