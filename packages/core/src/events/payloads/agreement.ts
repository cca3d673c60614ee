import type { AppPayload, Failure, WithMetadata } from './payload.ts'

/** A customer's consent to later payments (API reference, "Agreement object"; Java sample). */
export interface Agreement extends AppPayload<'agreement'>, Failure, WithMetadata {
  /** `agr_` and 14 characters in the sample. */
  readonly id: string
  /** Channel of the payments, such as `qpay`. */
  readonly channel: string
  /** Your own number of the agreement. */
  readonly contract_no: string
  /** The channel's number; null before the customer agreed. */
  readonly contract_id: string | null
  /** Data that the client needs to agree; empty afterwards. */
  readonly credential: Readonly<Record<string, unknown>>
  /** Whether the agreement holds. */
  readonly status: AgreementStatus
  /** When the customer agreed, Unix time in seconds; null before that. */
  readonly time_succeeded: number | null
  /** When it was ended, Unix time in seconds; null before that. */
  readonly time_canceled: number | null
  /** Parameters for the channel and its results, by channel. */
  readonly extra: Readonly<Record<string, unknown>>
}

/** Whether an agreement holds. */
export type AgreementStatus = 'created' | 'succeeded' | 'canceled'
