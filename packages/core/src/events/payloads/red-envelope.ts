import type { AppPayload } from './payload.ts'

/**
 * A WeChat red envelope (guide, step 3; API reference, "Red Envelope object").
 *
 * Ping++ has webhooks for `sent` and `received` only; `failed`, `refunding` and `refund` show only
 * when the envelope is retrieved, which the reconciler of `@hongbao/client` does.
 */
export interface RedEnvelope<
  Status extends string = RedEnvelopeStatus,
> extends AppPayload<'red_envelope'> {
  /** `red_` and 24 characters. */
  readonly id: string
  /** When the user opened it, Unix time in seconds. */
  readonly received: number | null
  /** When the money went back, 24 hours unclaimed: Unix time in seconds. Absent in events of 2016. */
  readonly refunded?: number | null
  /**
   * How far the envelope was when Ping++ wrote this, in lower case. In an event it may be ahead of
   * the event's type, and is never an earlier one: a `red_envelope.sent` may have `received`.
   */
  readonly status: Status
  /** `wx_pub` in all current examples. */
  readonly channel: string
  /** Your own number of the order, 1 to 28 digits. */
  readonly order_no: string
  /** WeChat's number; null while `sending`. */
  readonly transaction_no: string | null
  /** Integer amount in fen. */
  readonly amount: number
  /** Integer amount in fen. */
  readonly amount_settle?: number
  /** `cny`. */
  readonly currency: string
  /** The receiver's openid in the channel. */
  readonly recipient: string
  readonly subject: string
  readonly body: string
  readonly description: string
  readonly failure_msg: string | null
  readonly failure_code?: string | null
  readonly extra: { readonly send_name?: string; readonly [name: string]: unknown }
  readonly metadata?: Readonly<Record<string, unknown>>
}

/** Note that the end of an unclaimed envelope is `refund`, not "refunded". */
export type RedEnvelopeStatus = 'sending' | 'sent' | 'received' | 'failed' | 'refunding' | 'refund'
