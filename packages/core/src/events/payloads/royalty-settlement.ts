import type { ListObject, Payload, Tally, WithMetadata } from './payload.ts'

/** Shares of orders paid out to those who earned them (API reference, "Royalty settlement"). */
export interface RoyaltySettlement extends Payload<'royalty_settlement'>, Tally, WithMetadata {
  /** 18 digits. */
  readonly id: string
  /** Id of the app that pays. Note that it is not called `app` here. */
  readonly payer_app: string
  /** False in test mode, in which no money moves. */
  readonly livemode: boolean
  /** Channel of the payments, or `balance`. */
  readonly method: string
  /** Amount to settle: integer, in fen. */
  readonly amount: number
  /** How many payments. */
  readonly count: number
  /** When the last one ended, Unix time in seconds; null before that. */
  readonly time_finished: number | null
  /** Alipay's page for confirming the payments; null elsewhere. */
  readonly operation_url: string | null
  /** How far the settlement is. */
  readonly status: RoyaltySettlementStatus
  /** One entry for each receiver. */
  readonly royalty_transactions: ListObject<RoyaltyTransaction>
}

/** How far a settlement is. */
export type RoyaltySettlementStatus =
  | 'created'
  | 'pending'
  | 'succeeded'
  | 'failed'
  | 'partially_succeeded'
  | 'canceled'

/** The share of one receiver in a settlement. */
export interface RoyaltyTransaction {
  /** 18 digits. */
  readonly id: string
  /** Always `royalty_transaction`. */
  readonly object: 'royalty_transaction'
  /** Integer amount in fen. */
  readonly amount: number
  /** How far the payment is. */
  readonly status: string
  /** Id of the receiver's settle account. */
  readonly settle_account: string | null
  /** Id of the user that receives. */
  readonly source_user: string
  /** Id of the app that receives; null if there is none. */
  readonly recipient_app: string | null
  /** Id of the settlement. */
  readonly royalty_settlement: string
  /** Unix time in seconds. The documented example lacks it. */
  readonly created?: number
  /** The reason in words; null unless the payment failed. */
  readonly failure_msg?: string | null
  /** Id of the transfer; null before there is one. */
  readonly transfer?: string | null
}
