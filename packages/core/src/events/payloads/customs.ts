import type { Failure, Payload } from './payload.ts'

/** A charge declared at customs (API reference, "Customs object"). */
export interface Customs extends Payload<'customs'>, Failure {
  /** 20 digits. */
  readonly id: string
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
  /** When customs accepted it, Unix time in seconds; null before that. */
  readonly time_succeeded: number | null
  /** How far the declaration is. */
  readonly status: string
  /** The channel's number; null before there is one. */
  readonly transaction_no: string | null
}
