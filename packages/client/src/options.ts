import { OptionError } from '@hongbao/core'
import {
  checkKind,
  checkOptions,
  readApp,
  readPrivateKey,
  readPublicKeys,
  readTimeout,
  refuseUnset,
  unquote,
  wrong,
  type PrivateKeyInput,
  type PublicKeyInput,
  type SigningKey,
  type VerificationKey,
} from '@hongbao/core/internal'

/** Options of `createPingppClient`. Wrong ones are refused at start-up with an `OptionError`. */
export interface PingppClientOptions {
  /** The secret key from the Ping++ dashboard, `sk_test_…` or `sk_live_…`: it decides on the mode. */
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
   * What stands before `/v1`: https, or http on loopback and, with a test key, to a sandbox among
   * containers. A proxy must pass path and query on as they are, because a signature covers them.
   * An empty text is as good as none. Default: `https://api.pingxx.com`.
   */
  readonly baseUrl?: string | undefined
  /** How long one attempt may take, in milliseconds, its answer included. Default: 30,000. */
  readonly timeoutMs?: number | undefined
  /** How often a request that failed is sent again, 0 to 10 times. Default: 2. */
  readonly retries?: number | undefined
  /**
   * Sends a request once. One that repeats requests by itself would report its last attempt alone, so
   * that a create that was sent might count as not sent. Default: the global `fetch`.
   */
  readonly fetch?: typeof globalThis.fetch | undefined
  /** The clock of signed timestamps, in milliseconds since 1970. Default: `Date.now`. */
  readonly now?: (() => number) | undefined
}

/** Parameters that Ping++ takes, and that its current documents do not name. */
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
   * list: for a limit of your own. Where it fails, the call ends as `request-aborted`, with what it failed
   * with as the `cause`. The time that it takes is not in `timeoutMs`; `signal` ends it.
   */
  readonly beforeAttempt?: (() => unknown) | undefined
  /**
   * Parameters that Ping++ takes and does not document: sent beside the others, in the body of a
   * `create` and in the query of every other call. They are not checked. A documented parameter is
   * refused here; members of `extra` may be added: `{ extra: { nick_name: '红包商店' } }`.
   */
  readonly extraParams?: ExtraParams | undefined
}

/** The options, checked and completed. */
export interface Settings {
  readonly apiKey: string
  readonly signingKey: SigningKey | undefined
  /** Empty where answers are not verified. */
  readonly publicKeys: readonly VerificationKey[]
  readonly app: string | undefined
  /** Without a slash at its end: `https://api.pingxx.com`. */
  readonly baseUrl: string
  readonly timeoutMs: number
  readonly retries: number
  readonly fetch: typeof globalThis.fetch
  readonly now: () => number
}

/** How far one call may go. */
export interface CallLimits {
  readonly signal: AbortSignal | undefined
  readonly timeoutMs: number
  readonly retries: number
  readonly beforeAttempt: (() => unknown) | undefined
}

const CLIENT_OPTIONS: Readonly<Record<keyof PingppClientOptions, true>> = {
  apiKey: true,
  privateKey: true,
  publicKey: true,
  app: true,
  baseUrl: true,
  timeoutMs: true,
  retries: true,
  fetch: true,
  now: true,
}
const REQUEST_OPTIONS: Readonly<Record<keyof PingppRequestOptions, true>> = {
  signal: true,
  timeoutMs: true,
  retries: true,
  beforeAttempt: true,
  extraParams: true,
}
const GUARDS = { publicKey: 'believe answers without verifying them' }
const MAX_RETRIES = 10
const PINGPP_URL = 'https://api.pingxx.com'

export function readOptions(options: PingppClientOptions): Settings {
  checkOptions('`createPingppClient`', options, CLIENT_OPTIONS)
  refuseUnset(options, GUARDS, 'key-missing')
  refuseUnset(options, { app: 'name the app in each call' })
  const { fetch = globalFetch, now = Date.now } = options
  const apiKey = readApiKey(options.apiKey)
  checkKind('fetch', fetch, ['function'], 'a function like the global `fetch`')
  checkKind('now', now, ['function'], 'a function that gives milliseconds')
  return {
    apiKey,
    ...readKeys(options),
    app: options.app === undefined ? undefined : readApp(options.app),
    baseUrl: readBaseUrl(options.baseUrl ?? PINGPP_URL, apiKey),
    timeoutMs: readTimeout('timeoutMs', options.timeoutMs ?? 30_000),
    retries: readRetries(options.retries ?? 2),
    fetch,
    now,
  }
}

function readKeys(options: PingppClientOptions): Pick<Settings, 'signingKey' | 'publicKeys'> {
  const { privateKey, publicKey } = options
  const signingKey = privateKey === undefined ? undefined : readPrivateKey(privateKey)
  const publicKeys = publicKey === undefined ? [] : readPublicKeys(publicKey)
  if (publicKeys.some(({ fingerprint }) => fingerprint === signingKey?.fingerprint)) {
    throw wrong('publicKey', PINGPP_KEY)
  }
  return { signingKey, publicKeys }
}

// With it, a create is sent and paid, and its answer is then refused as forged.
const PINGPP_KEY =
  'the Ping++ public key, not the public half of your own `privateKey`: Ping++ signs its answers with a key of its own. It is in the Ping++ dashboard: company name, 开发信息, Ping++ 公钥'

/** @throws OptionError, as a wrong option of the client does */
export function readRequestOptions(options: PingppRequestOptions, settings: Settings): CallLimits {
  checkOptions('The call', options, REQUEST_OPTIONS)
  const { signal, beforeAttempt } = options
  if (signal !== undefined && typeof signal?.addEventListener !== 'function') {
    throw wrong('signal', 'an AbortSignal')
  }
  checkKind('beforeAttempt', beforeAttempt, ['undefined', 'function'], 'a function')
  return {
    signal,
    timeoutMs: readTimeout('timeoutMs', options.timeoutMs ?? settings.timeoutMs),
    retries: readRetries(options.retries ?? settings.retries),
    beforeAttempt,
  }
}

/** Looked up when it is called: tools that replace the global one may come later. */
function globalFetch(...parameters: Parameters<typeof globalThis.fetch>): Promise<Response> {
  return globalThis.fetch(...parameters)
}

function readApiKey(apiKey: string | undefined): string {
  // Files that hold a secret tend to end in a newline, and values of environment files to be quoted.
  const key = typeof apiKey === 'string' ? unquote(apiKey) : ''
  if (key === '') throw new OptionError('key-missing', `\`apiKey\` is empty or not set. ${WHERE}.`)
  if (/^sk_(?:test|live)_\w+$/.test(key)) return key
  throw wrong('apiKey', `a secret key, sk_test_… or sk_live_…. ${WHERE}`)
}

// Where Ping++ says it is, in its own examples and in "认证" of its API reference.
const WHERE =
  'It is in the Ping++ dashboard: company name, 企业面板, 开发参数, Secret Key (test or live)'

function parseUrl(given: string): URL | undefined {
  // An empty variable is how many a shell script unsets one.
  const text = typeof given === 'string' ? unquote(given) || PINGPP_URL : ''
  return URL.canParse(text) ? new URL(text) : undefined
}

function readBaseUrl(given: string, apiKey: string): string {
  const url = parseUrl(given)
  if (url === undefined) throw wrong('baseUrl', 'a URL, for one "https://api.pingxx.com"')
  if (url.username !== '' || url.password !== '' || url.search !== '' || url.hash !== '') {
    throw wrong('baseUrl', 'a URL without a user, a query and a fragment')
  }
  if (url.protocol !== 'https:' && !(url.protocol === 'http:' && mayBeOpen(url, apiKey))) {
    throw wrong(
      'baseUrl',
      'https: the key is in every request. Only on loopback may it be http and, with a test key, to a name like "sandbox" or "host.docker.internal"',
    )
  }
  const path = url.pathname.replace(/\/+$/, '')
  if (path.endsWith('/v1')) throw wrong('baseUrl', 'given without /v1, which the client adds')
  return url.origin + path
}

/** Among containers the sandbox has a name that public DNS cannot have. A test key moves no money. */
function mayBeOpen({ hostname }: URL, apiKey: string): boolean {
  const isPrivate = /^[\w-]+$|\.internal$/.test(hostname)
  return isLoopback(hostname) || (isPrivate && apiKey.startsWith('sk_test_'))
}

/** RFC 6761, section 6.3, and RFC 1122, section 3.2.1.3. The URL parser has unified the spellings. */
export function isLoopback(hostname: string): boolean {
  return /^(?:(?:.+\.)?localhost|127\.\d+\.\d+\.\d+|\[::1\])$/.test(hostname)
}

function readRetries(retries: number): number {
  if (Number.isInteger(retries) && retries >= 0 && retries <= MAX_RETRIES) return retries
  throw wrong('retries', `a whole number from 0 to ${MAX_RETRIES}`)
}
