import { OptionError } from '@hongbao/core'
import {
  abortSignal,
  asGiven,
  callback,
  clock,
  guard,
  milliseconds,
  optional,
  readApp,
  readPrivateKey,
  readPublicKeys,
  readSettings,
  unquote,
  whole,
  wrong,
  type Completed,
  type PrivateKeyInput,
  type PublicKeyInput,
  type SigningKey,
  type VerificationKey,
} from '@hongbao/core/internal'

/** Options of `createPingppClient`. Wrong ones are refused at start-up with an `OptionError`. */
export interface PingppClientOptions {
  /** The secret key from the Ping++ dashboard, `sk_test_…` or `sk_live_…`: it decides the mode. */
  readonly apiKey: string | undefined
  /** Your own private key, whose public half is in the dashboard (商户 RSA 公钥). Default: requests are not signed. */
  readonly privateKey?: PrivateKeyInput | undefined
  /**
   * The Ping++ public key; with it, answers that it did not sign are refused. Default: answers are not
   * verified. Given but undefined, it is refused: leave it out not to verify.
   */
  readonly publicKey?: PublicKeyInput | readonly PublicKeyInput[] | undefined
  /**
   * Id of the app (`app_…`) of every `create` and `list` whose parameters have no `app`. Default: each
   * call has its own. Given but undefined or null, it is refused: leave it out for the default.
   */
  readonly app?: string
  /**
   * The URL before `/v1`: https, or http on loopback and, with a test key, to a sandbox among
   * containers. A proxy must not change path and query, because a signature covers them. An empty text
   * means the default. Default: `https://api.pingxx.com`.
   */
  readonly baseUrl?: string | undefined
  /** Timeout of one request, its response included, in milliseconds. Default: 30,000. */
  readonly timeoutMs?: number | undefined
  /** How often a failed request is retried, 0 to 10 times. Default: 2. */
  readonly retries?: number | undefined
  /**
   * Sends a request once. A function that retries by itself would report only its last attempt, so that
   * a create that was sent might count as not sent. Default: the global `fetch`.
   */
  readonly fetch?: typeof globalThis.fetch | undefined
  /** The clock of signed timestamps, in milliseconds since 1970. Default: `Date.now`. */
  readonly now?: (() => number) | undefined
}

/** Parameters that Ping++ accepts but does not document. */
export type ExtraParams = Readonly<Record<string, unknown>>

/** Options of one call. */
export interface PingppRequestOptions {
  /** Ends the call, its retries and the waits between them. */
  readonly signal?: AbortSignal | undefined
  /** Instead of the client's. */
  readonly timeoutMs?: number | undefined
  /** Instead of the client's. */
  readonly retries?: number | undefined
  /**
   * Awaited before every attempt, the retries of the client included, and before every page of a
   * list: for a rate limit of your own. If it throws, the call ends with `request-aborted`, and the error
   * is the `cause`. Its time does not count for `timeoutMs`; `signal` ends it.
   */
  readonly beforeAttempt?: (() => unknown) | undefined
  /**
   * Parameters that Ping++ accepts but does not document: sent beside the others, in the body of a
   * `create` and in the query of every other call. They are not checked. A documented parameter is
   * refused here; members of `extra` may be added: `{ extra: { nick_name: '红包商店' } }`.
   */
  readonly extraParams?: ExtraParams | undefined
}

/** The options, checked and completed. `baseUrl` has no slash at its end: `https://api.pingxx.com`. */
export interface Settings extends Completed<
  Omit<PingppClientOptions, 'privateKey' | 'publicKey' | 'app'>
> {
  readonly app: string | undefined
  readonly signingKey: SigningKey | undefined
  /** Empty if answers are not verified. */
  readonly publicKeys: readonly VerificationKey[]
}

export interface CallLimits extends Completed<Pick<PingppRequestOptions, 'timeoutMs' | 'retries'>> {
  readonly signal: AbortSignal | undefined
  readonly beforeAttempt: (() => unknown) | undefined
}

const PINGPP_URL = 'https://api.pingxx.com'

export function readOptions(options: PingppClientOptions): Settings {
  const {
    baseUrl,
    privateKey: signingKey,
    publicKey: publicKeys = [],
    ...rest
  } = readSettings('`createPingppClient`', options, {
    apiKey: readApiKey,
    privateKey: optional((key: PrivateKeyInput) => readPrivateKey(key)),
    publicKey: guard(
      'accept answers without verifying them',
      optional((keys: PublicKeyInput | readonly PublicKeyInput[]) => readPublicKeys(keys)),
      'key-missing',
    ),
    app: guard('name the app in each call', optional(readApp)),
    baseUrl: optional(asGiven(), PINGPP_URL),
    timeoutMs: optional(milliseconds, 30_000),
    retries: optional(retries, 2),
    // Looked up at every call, because tools may replace it later.
    fetch: optional(callback('a function like the global `fetch`'), (...request) =>
      fetch(...request),
    ),
    now: optional(clock, Date.now),
  })
  if (publicKeys.some(({ fingerprint }) => fingerprint === signingKey?.fingerprint)) {
    throw wrong('publicKey', PINGPP_KEY)
  }
  return { ...rest, signingKey, publicKeys, baseUrl: readBaseUrl(baseUrl, rest.apiKey) }
}

const retries = whole(0, 10)

// Otherwise a create would be sent and paid, and its response refused as forged.
const PINGPP_KEY =
  'the Ping++ public key, not the public half of your own `privateKey`: Ping++ signs its responses with a key of its own. It is in the Ping++ dashboard: company name, 开发信息, Ping++ 公钥'

export function readRequestOptions(options: PingppRequestOptions, settings: Settings): CallLimits {
  return readSettings('The call', options, {
    signal: optional(abortSignal()),
    timeoutMs: optional(milliseconds, settings.timeoutMs),
    retries: optional(retries, settings.retries),
    beforeAttempt: optional(callback()),
    extraParams: asGiven(),
  })
}

function readApiKey(apiKey: string | undefined): string {
  // Files with a secret often end in a newline, and values of environment files are often quoted.
  const key = typeof apiKey === 'string' ? unquote(apiKey) : ''
  if (key === '') throw new OptionError('key-missing', `\`apiKey\` is empty or not set. ${WHERE}.`)
  if (/^sk_(?:test|live)_\w+$/.test(key)) return key
  throw wrong('apiKey', `a secret key, sk_test_… or sk_live_…. ${WHERE}`)
}

// According to Ping++'s examples, and "认证" in its API reference.
const WHERE =
  'It is in the Ping++ dashboard: company name, 企业面板, 开发参数, Secret Key (test or live)'

function readBaseUrl(given: string, apiKey: string): string {
  // Many shell scripts unset a variable by making it empty.
  const url = typeof given === 'string' ? URL.parse(unquote(given) || PINGPP_URL) : null
  if (url === null) throw wrong('baseUrl', 'a URL, such as "https://api.pingxx.com"')
  if (url.username + url.password + url.search + url.hash !== '') {
    throw wrong('baseUrl', 'a URL without a user, a query and a fragment')
  }
  if (url.protocol !== 'https:' && !(url.protocol === 'http:' && mayBeOpen(url, apiKey))) {
    throw wrong(
      'baseUrl',
      'https, because the key is in every request. http is allowed only on loopback and, with a test key, to a name like "sandbox" or "host.docker.internal"',
    )
  }
  const path = url.pathname.replace(/\/+$/, '')
  if (path.endsWith('/v1')) throw wrong('baseUrl', 'without /v1, which the client adds')
  return url.origin + path
}

/** A sandbox among containers has a name that public DNS cannot have, and a test key moves no money. */
function mayBeOpen({ hostname }: URL, apiKey: string): boolean {
  const isPrivate = /^[\w-]+$|\.internal$/.test(hostname)
  return isLoopback(hostname) || (isPrivate && apiKey.startsWith('sk_test_'))
}

/** RFC 6761, section 6.3, and RFC 1122, section 3.2.1.3. The URL parser normalizes the spellings. */
export function isLoopback(hostname: string): boolean {
  return /^(?:(?:.+\.)?localhost|127\.\d+\.\d+\.\d+|\[::1\])$/.test(hostname)
}
