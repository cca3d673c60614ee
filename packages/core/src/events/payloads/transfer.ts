/** Money from the merchant to one recipient (API reference, "Transfer object"). */
export interface Transfer {
  /** `tr_` and 24 characters. */
  readonly id: string
  /** Always `transfer`. */
  readonly object: 'transfer'
  /** `b2c` to a person, `b2b` to a company. */
  readonly type: string
  /** Unix time in seconds. */
  readonly created: number
  /** When the money arrived, Unix time in seconds; null before that. */
  readonly time_transferred: number | null
  /** False in test mode, in which no money moves. */
  readonly livemode: boolean
  /** How far the transfer is. */
  readonly status: TransferStatus
  /** Id of the app, or the app itself if it was expanded. */
  readonly app: string | { readonly id: string }
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
