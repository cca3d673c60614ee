import type { AppPayload, ListObject, Tally, WithMetadata } from './payload.ts'

/** Money that a user takes out of a balance (API reference, "Withdrawal object"; Java sample). */
export interface Withdrawal extends AppPayload<'withdrawal'>, WithMetadata {
  /** 19 digits. */
  readonly id: string
  /** Amount taken from the balance: integer, in fen. */
  readonly amount: number
  /** Id of the change of the merchant's account; may be empty. */
  readonly asset_transaction: string
  /** Id of the change of balance; may be empty. */
  readonly balance_transaction: string
  /** Channel of the payment, such as `unionpay` or `alipay`. */
  readonly channel: string
  /** Your note, up to 60 characters. */
  readonly description: string
  /** The receiver's account. Personal data: keep it out of logs. */
  readonly extra: Readonly<Record<string, unknown>>
  /** The reason in words; null unless the withdrawal failed. */
  readonly failure_msg?: string | null
  /** The channel's fee: integer amount in fen. */
  readonly fee: number
  /** Alipay's page for confirming the payment; null elsewhere. */
  readonly operation_url?: string | null
  /** Your own number of the withdrawal. */
  readonly order_no: string
  /** Id of the transfer; null before there is one. */
  readonly source: string | null
  /** How far the withdrawal is. */
  readonly status: WithdrawalStatus
  /** When it was canceled, Unix time in seconds; else null. */
  readonly time_canceled: number | null
  /** When the money arrived, Unix time in seconds; null before that. */
  readonly time_succeeded: number | null
  /** Id of the user. */
  readonly user: string
  /** The user's fee: integer amount in fen. */
  readonly user_fee: number
  /** Id of the user's settle account, if one was used. */
  readonly settle_account?: string | null
}

/** How far a withdrawal is. The sample of `balance.withdrawal.succeeded` has `pending`. */
export type WithdrawalStatus = 'created' | 'pending' | 'succeeded' | 'failed' | 'canceled'

/** Withdrawals that the merchant confirmed or canceled together (API reference). */
export interface BatchWithdrawal extends AppPayload<'batch_withdrawal'>, Tally, WithMetadata {
  /** 19 digits. */
  readonly id: string
  /** Amount taken from the balances: integer, in fen. */
  readonly amount: number
  /** How many withdrawals. One documented example lacks it. */
  readonly count?: number
  /** Alipay's page for confirming the payments; null elsewhere. */
  readonly operation_url?: string | null
  /** Id of the batch transfer; null before there is one. */
  readonly source?: string | null
  /** How far the batch is. */
  readonly status: BatchWithdrawalStatus
  /** The users' fees: integer amount in fen. */
  readonly user_fee: number
  /** The withdrawals themselves. */
  readonly withdrawals: ListObject<Withdrawal>
  /** When the last one ended, Unix time in seconds; null before that. */
  readonly time_finished?: number | null
}

/** How far a batch of withdrawals is. */
export type BatchWithdrawalStatus =
  | 'pending'
  | 'succeeded'
  | 'failed'
  | 'canceled'
  | 'partially_succeeded'
