import type { ListObject } from './list.ts'
import type { Refund } from './refund.ts'

/** A payment by a customer (API reference, "Charge object"; signed sample of the Node SDK). */
export interface Charge {
  /** `ch_` and 24 characters. */
  readonly id: string
  /** Always `charge`. */
  readonly object: 'charge'
  /** Unix time in seconds. */
  readonly created: number
  /** False in test mode, in which no money moves. */
  readonly livemode: boolean
  /** Whether the customer has paid. */
  readonly paid: boolean
  /** Whether a refund was requested, successful or not; `amount_refunded` is how much was refunded. */
  readonly refunded: boolean
  /** Whether the charge was reversed. Absent in events of 2015 and 2016. */
  readonly reversed?: boolean
  /** Id of the app, or the app itself if it was expanded. */
  readonly app: string | { readonly id: string }
  /** Channel of the payment, such as `alipay` or `wx_pub`. */
  readonly channel: string
  /** Your own number of the order. */
  readonly order_no: string
  /** IPv4 or IPv6 address of the customer. */
  readonly client_ip: string
  /** Integer amount in fen. */
  readonly amount: number
  /** Amount that the channel settles: integer, in fen; 0 if it is not known yet. */
  readonly amount_settle: number
  /** ISO code in lower case, `cny`. */
  readonly currency: string
  /** Title of the goods, up to 32 characters. */
  readonly subject: string
  /** Description of the goods, up to 128 characters. */
  readonly body: string
  /** Parameters for the channel and its results, by channel. */
  readonly extra: Readonly<Record<string, unknown>>
  /** When the customer paid, Unix time in seconds; null before that. */
  readonly time_paid: number | null
  /** When the charge lapses unpaid, Unix time in seconds. */
  readonly time_expire: number | null
  /** When the channel settled, Unix time in seconds; null in all samples. */
  readonly time_settle: number | null
  /** The channel's number; null before payment. */
  readonly transaction_no: string | null
  /** Null or absent if the charge is nested in an order. */
  readonly refunds?: ListObject<Refund> | null
  /** Amount refunded so far: integer, in fen. */
  readonly amount_refunded: number
  /** One of the API's error codes; null unless the charge failed. */
  readonly failure_code: string | null
  /** The reason in words; null unless the charge failed. */
  readonly failure_msg: string | null
  /** Metadata that you attached when you created the charge. */
  readonly metadata: Readonly<Record<string, unknown>>
  /** Data that the client needs to pay; empty once it is paid. */
  readonly credential: Readonly<Record<string, unknown>>
  /** Your note, up to 255 characters. */
  readonly description: string | null
}
