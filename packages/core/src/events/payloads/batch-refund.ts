import type { ListObject } from './list.ts'
import type { Refund } from './refund.ts'

/** Refunds of many charges at once (API reference, "Batch refund object"). */
export interface BatchRefund {
  /** 18 digits. */
  readonly id: string
  /** Always `batch_refund`. */
  readonly object: 'batch_refund'
  /** Id of the app, or the app itself if it was expanded. */
  readonly app: string | { readonly id: string }
  /** Your own number of the batch, 3 to 24 letters and digits. */
  readonly batch_no: string
  /** Unix time in seconds. */
  readonly created: number
  /** Why you refund. */
  readonly description: string
  /** Metadata that you attached when you created the batch. */
  readonly metadata: Readonly<Record<string, unknown>>
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
  /** False in test mode, in which no money moves. */
  readonly livemode: boolean
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
