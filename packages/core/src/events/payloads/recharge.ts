import type { Charge } from './charge.ts'
import type { AppPayload, ListObject, WithMetadata } from './payload.ts'
import type { Refund } from './refund.ts'

/** Money that a user paid into a balance (API reference, "Recharge object"; Java sample). */
export interface Recharge extends AppPayload<'recharge'>, WithMetadata {
  /** 24 digits. */
  readonly id: string
  /** Amount added to the balance, with the bonus and without the fee: integer, in fen. */
  readonly amount: number
  /** Whether the money is in the balance. */
  readonly succeeded: boolean
  /** When it arrived, Unix time in seconds; null before that. */
  readonly time_succeeded: number | null
  /** Whether a refund was requested, successful or not. */
  readonly refunded: boolean
  /** Id of the user whose balance it is. */
  readonly user: string
  /** Id of the user who paid. */
  readonly from_user: string
  /** The user's fee: integer amount in fen. */
  readonly user_fee: number
  /** The payment. */
  readonly charge: Charge
  /** Bonus from the merchant; null if there is none. */
  readonly balance_bonus: Readonly<Record<string, unknown>> | null
  /** Id of the change of balance; null before there is one. */
  readonly balance_transaction: string | null
  /** Refunds of the payment. The sample lacks it. */
  readonly refunds?: ListObject<Refund>
  /** Your note, up to 255 characters. */
  readonly description: string | null
}

/**
 * Money going back for a recharge. No source shows such an event, so `object` is any name; the
 * SDKs read the refund of a recharge as a refund of its charge, hence the fields.
 */
export interface RechargeRefund extends Omit<Refund, 'object'> {
  /** Kind of the payload, `refund` as far as the SDKs know. */
  readonly object: string
}
