/** A charge declared at customs (API reference, "Customs object"). */
export interface Customs {
  /** 20 digits. */
  readonly id: string
  /** Always `customs`. */
  readonly object: 'customs'
  /** Id of the app, or the app itself if it was expanded. */
  readonly app: string | { readonly id: string }
  /** Channel of the charge. */
  readonly channel: string
  /** Your own number of the declaration, other than the charge's `order_no`. */
  readonly trade_no: string
  /** Which customs office, such as `GUANGZHOU`. */
  readonly customs_code: string
  /** Declared amount: integer amount in fen. */
  readonly amount: number
  /** Id of the charge. */
  readonly charge: string
  /** Cost of transport: integer amount in fen. */
  readonly transport_amount: number
  /** Whether the order is declared in parts. */
  readonly is_split: boolean
  /** Your number of the part; null unless `is_split`. */
  readonly sub_order_no: string | null
  /** Data that the channel requires, such as the customer's papers. */
  readonly extra: Readonly<Record<string, unknown>>
  /** Unix time in seconds. */
  readonly created: number
  /** When customs accepted it, Unix time in seconds; null before that. */
  readonly time_succeeded: number | null
  /** How far the declaration is. */
  readonly status: string
  /** One of the API's error codes; null unless the declaration failed. */
  readonly failure_code: string | null
  /** The reason in words; null unless the declaration failed. */
  readonly failure_msg: string | null
  /** The channel's number; null before there is one. */
  readonly transaction_no: string | null
}
