import type { AppPayload, WithMetadata } from './payload.ts'

/** Money from the merchant to one recipient (API reference, "Transfer object"). */
export interface Transfer extends AppPayload<'transfer'> {
  /** `tr_` and 24 characters. */
  readonly id: string
  /** `b2c` to a person, `b2b` to a company. */
  readonly type: string
  /** When the money arrived, Unix time in seconds; null before that. */
  readonly time_transferred: number | null
  /** How far the transfer is. */
  readonly status: TransferStatus
  /** Channel of the transfer, such as `wx_pub`, `alipay` or `balance`. */
  readonly channel: string
  /** Your own number of the transfer. */
  readonly order_no: string
  /** Number of the batch it belongs to. Only the Go SDK has it. */
  readonly batch_no?: string | null
  /** Integer amount in fen. */
  readonly amount: number
  /** Integer amount in fen, `amount` in all samples. The C# SDK lacks it. */
  readonly amount_settle?: number
  /** ISO code in lower case, `cny`. */
  readonly currency: string
  /** The receiver in the channel: an openid or an account; null if `extra` names it. */
  readonly recipient: string | null
  /** Your note, shown to the receiver. */
  readonly description: string
  /** The channel's number; null while `pending`. */
  readonly transaction_no: string | null
  /** The reason in words; null unless the transfer failed. */
  readonly failure_msg: string | null
  /** One of the API's error codes. Only the C# SDK has it. */
  readonly failure_code?: string | null
  /** Parameters for the channel and its results, by channel. */
  readonly extra: Readonly<Record<string, unknown>>
  /** Metadata that you attached when you created the transfer. */
  readonly metadata?: Readonly<Record<string, unknown>>
}

/** How far a transfer is; note that success is `paid`, not "succeeded". */
export type TransferStatus = 'pending' | 'paid' | 'failed' | 'scheduled'

/** Transfers to many recipients at once (API reference, "Batch transfer object"; Java sample). */
export interface BatchTransfer extends AppPayload<'batch_transfer'>, WithMetadata {
  /** 18 digits. */
  readonly id: string
  /** Sum of all transfers: integer amount in fen. */
  readonly amount: number
  /** Your own number of the batch. */
  readonly batch_no: string
  /** Channel of the transfers, such as `alipay` or `unionpay`. */
  readonly channel: string
  /** ISO code in lower case, `cny`. */
  readonly currency: string
  /** Your note. */
  readonly description: string
  /** Empty so far. */
  readonly extra: Readonly<Record<string, unknown>>
  /** The reason in words, or Alipay's page for confirming the batch; else null. */
  readonly failure_msg: string | null
  /** The channel's fee, known once the batch succeeded: integer amount in fen. */
  readonly fee: number
  /** One entry for each transfer. */
  readonly recipients: readonly BatchTransferRecipient[]
  /** How far the batch is: `succeeded`, `failed`, `partially_succeeded` and others. */
  readonly status: string
  /** Unix time in seconds; null even in the sample of a success. */
  readonly time_succeeded: number | null
  /** The channel's number; null in the sample. */
  readonly transaction_no?: string | null
  /** `b2c` to people, `b2b` to companies. */
  readonly type: string
}

/** One transfer of a batch. */
export interface BatchTransferRecipient {
  /** The receiver's account in the channel; absent in WeChat and balance transfers. */
  readonly account?: string
  /** The receiver's openid, in WeChat transfers. */
  readonly open_id?: string
  /** The receiver's user id, in balance transfers. */
  readonly user?: string
  /** Integer amount in fen. */
  readonly amount: number
  /** The receiver's name. */
  readonly name?: string
  /** Your note. */
  readonly description?: string
  /** Id of the transfer. */
  readonly transfer?: string | null
  /** How far the transfer is: `paid` if it arrived. */
  readonly status?: string
  /** The channel's fee: integer amount in fen. */
  readonly fee?: number
  /** The reason in words; null unless the transfer failed. */
  readonly failure_msg?: string | null
  /** Your own number of the transfer. */
  readonly order_no?: string
  /** The channel's number. */
  readonly transaction_no?: string | null
}
