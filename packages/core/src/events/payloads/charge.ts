import type { AppPayload, Failure, ListObject, Purchase } from './payload.ts'
import type { Refund } from './refund.ts'

/** A payment by a customer (API reference, "Charge object"; signed sample of the Node SDK). */
export interface Charge extends AppPayload<'charge'>, Purchase, Failure {
  /** `ch_` and 24 characters. */
  readonly id: string
  /** Whether the charge was reversed. Absent in events of 2015 and 2016. */
  readonly reversed?: boolean
  /** Channel of the payment, such as `alipay` or `wx_pub`. */
  readonly channel: string
  /** Your own number of the order. */
  readonly order_no: string
  /** Integer amount in fen. */
  readonly amount: number
  /** Amount that the channel settles: integer, in fen; 0 if it is not known yet. */
  readonly amount_settle: number
  /** Parameters for the channel and its results, by channel. */
  readonly extra: Readonly<Record<string, unknown>>
  /** When the charge lapses unpaid, Unix time in seconds. */
  readonly time_expire: number | null
  /** When the channel settled, Unix time in seconds; null in all samples. */
  readonly time_settle: number | null
  /** The channel's number; null before payment. */
  readonly transaction_no: string | null
  /** Null or absent if the charge is nested in an order. */
  readonly refunds?: ListObject<Refund> | null
  /** Data that the client needs to pay; empty once it is paid. */
  readonly credential: Readonly<Record<string, unknown>>
}
