/** The fields of every payload. */
export interface Payload<Kind extends string> {
  /** Kind of the object, its name in the API. */
  readonly object: Kind
  /** When it was created, Unix time in seconds. */
  readonly created: number
}

/** A payload that names its app and its mode. */
export interface AppPayload<Kind extends string> extends Payload<Kind> {
  /** Id of the app, or the app itself if it was expanded. */
  readonly app: string | { readonly id: string }
  /** False in test mode, in which no money moves. */
  readonly livemode: boolean
}

/** A payload that carries data of the merchant. */
export interface WithMetadata {
  /** Metadata that you attached when you created it. */
  readonly metadata: Readonly<Record<string, unknown>>
}

/** Why something failed. */
export interface Failure {
  /** One of the API's error codes; null unless it failed. */
  readonly failure_code: string | null
  /** The reason in words; null unless it failed. */
  readonly failure_msg: string | null
}

/** Goods that a customer pays for: the fields that a charge and an order share. */
export interface Purchase extends WithMetadata {
  /** Whether the customer has paid; an order is paid when the paid amount, less refunds, covers `actual_amount`. */
  readonly paid: boolean
  /** Whether a refund was requested, successful or not; `amount_refunded` is how much was refunded. */
  readonly refunded: boolean
  /** Amount refunded so far: integer, in fen. */
  readonly amount_refunded: number
  /** ISO code in lower case, `cny`. */
  readonly currency: string
  /** Title of the goods, up to 32 characters. */
  readonly subject: string
  /** Description of the goods, up to 128 characters. */
  readonly body: string
  /** IPv4 or IPv6 address of the customer. */
  readonly client_ip: string
  /** When it was paid, Unix time in seconds; null before that. */
  readonly time_paid: number | null
  /** Your note, up to 255 characters. */
  readonly description: string | null
}

/** How many parts of a batch ended in which way. */
export interface Tally {
  /** Of `amount`, arrived: integer amount in fen. */
  readonly amount_succeeded: number
  /** Of `amount`, failed: integer amount in fen. */
  readonly amount_failed: number
  /** Of `amount`, canceled: integer amount in fen. */
  readonly amount_canceled: number
  /** How many arrived. */
  readonly count_succeeded: number
  /** How many failed. */
  readonly count_failed: number
  /** How many were canceled. */
  readonly count_canceled: number
  /** The channel's fees: integer amount in fen. */
  readonly fee: number
}

/** A page of objects, as Ping++ nests it in others (API reference, "list"). */
export interface ListObject<Item> {
  /** Always `list`. */
  readonly object: 'list'
  /** Path under which the API returns the whole list; null if there is none. */
  readonly url: string | null
  /** Whether the API has more than `data` shows. */
  readonly has_more: boolean
  /** The objects of this page. */
  readonly data: readonly Item[]
}
