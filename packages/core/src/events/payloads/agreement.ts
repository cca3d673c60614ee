/** A customer's consent to later payments (API reference, "Agreement object"; Java sample). */
export interface Agreement {
  /** `agr_` and 14 characters in the sample. */
  readonly id: string
  /** Always `agreement`. */
  readonly object: 'agreement'
  /** False in test mode, in which no money moves. */
  readonly livemode: boolean
  /** Id of the app, or the app itself if it was expanded. */
  readonly app: string | { readonly id: string }
  /** Unix time in seconds. */
  readonly created: number
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
  /** One of the API's error codes; null unless it failed. */
  readonly failure_code: string | null
  /** The reason in words; null unless it failed. */
  readonly failure_msg: string | null
  /** Parameters for the channel and its results, by channel. */
  readonly extra: Readonly<Record<string, unknown>>
  /** Metadata that you attached when you created the agreement. */
  readonly metadata: Readonly<Record<string, unknown>>
}

/** Whether an agreement holds. */
export type AgreementStatus = 'created' | 'succeeded' | 'canceled'
