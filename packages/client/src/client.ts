import type { RedEnvelope, RedEnvelopeStatus, WebhookEvent } from '@hongbao/core'
import type { PrivateKeyInput, PublicKeyInput } from '@hongbao/core/wire'
import type { PagedList } from './pages.ts'

/** Options of {@link createClient}. */
export interface ClientOptions {
  /** The secret key from the Ping++ dashboard, `sk_test_…` or `sk_live_…`: it decides on the mode. */
  readonly apiKey: string | undefined
  /** Your own private key, whose public half is in the dashboard (商户 RSA 公钥). Default: requests are not signed. */
  readonly privateKey?: PrivateKeyInput | undefined
  /** The Ping++ public key; with it, answers that it did not sign are refused. Default: answers are not verified. */
  readonly publicKey?: PublicKeyInput | readonly PublicKeyInput[] | undefined
  /** Default: `https://api.pingxx.com`. */
  readonly baseUrl?: string | undefined
  /** How long one attempt may take, in milliseconds, its answer included. Default: 30,000. */
  readonly timeoutMs?: number | undefined
  /** How often a request that failed is sent again. Default: 2. */
  readonly retries?: number | undefined
  /** Default: the global `fetch`. */
  readonly fetch?: typeof globalThis.fetch | undefined
  /** The clock of signed timestamps, in milliseconds since 1970. Default: `Date.now`. */
  readonly now?: (() => number) | undefined
}

/** What may be said about one call. */
export interface RequestOptions {
  /** Ends the call, its retries and the waits between them. */
  readonly signal?: AbortSignal | undefined
  /** Instead of the client's. */
  readonly timeoutMs?: number | undefined
  /** Instead of the client's. */
  readonly retries?: number | undefined
}

/** The red-envelope API of Ping++ (guide, steps 1 to 3, and "红包查询"). */
export interface Client {
  readonly redEnvelopes: {
    /**
     * Sends money: creates an envelope, which starts as `sending`. Safe to repeat with the same
     * `order_no`, which Ping++ pays once; never with a new one.
     *
     * @throws ClientError; where nobody knows whether the envelope was made, `outcomeUnknown` is true
     */
    create(parameters: CreateRedEnvelope, options?: RequestOptions): Promise<RedEnvelope>
    /** Asks for the state of an envelope, which counts as much as a webhook (guide, note 6). */
    retrieve(id: string, options?: RequestOptions): Promise<RedEnvelope>
    /** One page when awaited, all envelopes when iterated over; newest first. */
    list(query?: ListRedEnvelopes, options?: RequestOptions): PagedList<RedEnvelope>
  }
  readonly events: {
    retrieve(id: string, options?: RequestOptions): Promise<WebhookEvent>
  }
}

/** Parameters of a red envelope; what is not listed here is sent as it is. */
export interface CreateRedEnvelope {
  /** `{ id: 'app_…' }`. */
  readonly app: { readonly id: string }
  /** `wx_pub` in all current documents. */
  readonly channel: string
  /** Your own number of the order: 1 to 28 digits, never used before. */
  readonly order_no: string
  /** Integer amount in fen: 100 to 20,000, or any with `extra.scene_id`. */
  readonly amount: number
  readonly currency: 'cny'
  /** The receiver's openid in the channel. */
  readonly recipient: string
  /** At most 32 bytes of UTF-8: ten Chinese characters. */
  readonly subject: string
  /** The wish, at most 128 bytes. */
  readonly body: string
  /** At most 255 bytes. */
  readonly description: string
  readonly extra: {
    /** Who sends it; at most 32 bytes. */
    readonly send_name: string
    /** `PRODUCT_1` to `PRODUCT_8`; needed for amounts below 100 or above 20,000. */
    readonly scene_id?: string
    readonly [name: string]: unknown
  }
  /** At most 20 pairs and 1,000 characters in all; values are not nested. */
  readonly metadata?: Readonly<Record<string, unknown>>
  readonly [name: string]: unknown
}

/** What a list is narrowed to. */
export interface ListRedEnvelopes {
  /** Ping++'s current documents require it. */
  readonly app?: { readonly id: string }
  /** Size of a page, 1 to 100. Default: Ping++'s 10. */
  readonly limit?: number
  /** Id of the envelope after which the page starts: further into the past. */
  readonly starting_after?: string
  readonly ending_before?: string
  readonly channel?: string
  readonly status?: RedEnvelopeStatus
  /** Unix seconds, exact or as a range. Without it, Ping++ lists the last month alone. */
  readonly created?:
    | number
    | {
        readonly gt?: number
        readonly gte?: number
        readonly lt?: number
        readonly lte?: number
      }
  readonly [name: string]: unknown
}

export function createClient(_options: ClientOptions): Client {
  throw new Error('not written yet')
}
