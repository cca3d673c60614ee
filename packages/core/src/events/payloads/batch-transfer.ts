/** Transfers to many recipients at once (API reference, "Batch transfer object"; Java sample). */
export interface BatchTransfer {
  /** 18 digits. */
  readonly id: string
  /** Always `batch_transfer`. */
  readonly object: 'batch_transfer'
  /** Id of the app, or the app itself if it was expanded. */
  readonly app: string | { readonly id: string }
  /** Sum of all transfers: integer amount in fen. */
  readonly amount: number
  /** Your own number of the batch. */
  readonly batch_no: string
  /** Channel of the transfers, such as `alipay` or `unionpay`. */
  readonly channel: string
  /** ISO code in lower case, `cny`. */
  readonly currency: string
  /** Unix time in seconds. */
  readonly created: number
  /** Your note. */
  readonly description: string
  /** Empty so far. */
  readonly extra: Readonly<Record<string, unknown>>
  /** The reason in words, or Alipay's page for confirming the batch; else null. */
  readonly failure_msg: string | null
  /** The channel's fee, known once the batch succeeded: integer amount in fen. */
  readonly fee: number
  /** False in test mode, in which no money moves. */
  readonly livemode: boolean
  /** Metadata that you attached when you created the batch. */
  readonly metadata: Readonly<Record<string, unknown>>
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
