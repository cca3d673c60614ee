import type { ListObject } from './list.ts'

/** Money that a user takes out of a balance (API reference, "Withdrawal object"; Java sample). */
export interface Withdrawal {
  /** 19 digits. */
  readonly id: string
  /** Always `withdrawal`. */
  readonly object: 'withdrawal'
  /** Id of the app, or the app itself if it was expanded. */
  readonly app: string | { readonly id: string }
  /** Amount taken from the balance: integer, in fen. */
  readonly amount: number
  /** Id of the change of the merchant's account; may be empty. */
  readonly asset_transaction: string
  /** Id of the change of balance; may be empty. */
  readonly balance_transaction: string
  /** Channel of the payment, such as `unionpay` or `alipay`. */
  readonly channel: string
  /** Unix time in seconds. */
  readonly created: number
  /** Your note, up to 60 characters. */
  readonly description: string
  /** The receiver's account. Personal data: keep it out of logs. */
  readonly extra: Readonly<Record<string, unknown>>
  /** The reason in words; null unless the withdrawal failed. */
  readonly failure_msg?: string | null
  /** The channel's fee: integer amount in fen. */
  readonly fee: number
  /** False in test mode, in which no money moves. */
  readonly livemode: boolean
  /** Metadata that you attached when you created the withdrawal. */
  readonly metadata: Readonly<Record<string, unknown>>
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
export interface BatchWithdrawal {
  /** 19 digits. */
  readonly id: string
  /** Always `batch_withdrawal`. */
  readonly object: 'batch_withdrawal'
  /** Id of the app, or the app itself if it was expanded. */
  readonly app: string | { readonly id: string }
  /** Unix time in seconds. */
  readonly created: number
  /** False in test mode, in which no money moves. */
  readonly livemode: boolean
  /** Amount taken from the balances: integer, in fen. */
  readonly amount: number
  /** Of that, arrived: integer amount in fen. */
  readonly amount_succeeded: number
  /** Of that, failed: integer amount in fen. */
  readonly amount_failed: number
  /** Of that, canceled: integer amount in fen. */
  readonly amount_canceled: number
  /** How many withdrawals. One documented example lacks it. */
  readonly count?: number
  /** How many arrived. */
  readonly count_succeeded: number
  /** How many failed. */
  readonly count_failed: number
  /** How many were canceled. */
  readonly count_canceled: number
  /** The channel's fees: integer amount in fen. */
  readonly fee: number
  /** Metadata that you attached when you created the batch. */
  readonly metadata: Readonly<Record<string, unknown>>
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
