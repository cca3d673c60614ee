import { OptionError } from '@hongbao/core'
import {
  asGiven,
  flag,
  milliseconds,
  must,
  oneOf,
  optional,
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
import type { SignatureMode } from './http/api/request-signature.ts'
import type { SendWebhooks } from './engine/trigger.ts'
import type { Target } from './delivery/target.ts'
import { codeOf } from './error-code.ts'
import type { RefusalName } from './errors.ts'
import { newId } from './events/ids.ts'
import { fill, type Values } from './fill.ts'
import { createPrivateKey } from './keys/keys.ts'
import REFUSALS from './refusals.json' with { type: 'json' }

/** Options of {@link startSandbox}. */
export interface SandboxOptions {
  /** The app that gets notifications. Default: none; they are kept. */
  readonly target?: Target | undefined
  /** Port of the HTTP server; 0 takes a free one. Default: 0. */
  readonly port?: number | undefined
  /** Address that the server listens on; only loopback is allowed without `allowRemote`. Default: `127.0.0.1`. */
  readonly host?: string | undefined
  /** `'real'`, `'virtual'`, or a speed, as a multiple of real time. Default: `'real'`. */
  readonly clock?: 'real' | 'virtual' | number | undefined
  /** Initial time of the clock, in milliseconds since 1970. Default: now. */
  readonly startMs?: number | undefined
  /** When red envelopes cause notifications. Default: `'on-retrieve'`, as Ping++'s test mode. */
  readonly sendWebhooks?: SendWebhooks | undefined
  /** The API keys that are accepted. Default: every `sk_test_…`. */
  readonly apiKey?: string | readonly string[] | undefined
  /** The merchant's public key; requests must be signed with its private half. Default: signatures are not checked. */
  readonly merchantPublicKey?: PublicKeyInput | readonly PublicKeyInput[] | undefined
  /**
   * Which requests must be signed: only POST and PUT, as in the guide, or all; and whether older forms of
   * the signature are accepted. Default: `'lenient'`.
   */
  readonly requestSignatures?: SignatureMode | undefined
  /** Signs notifications and responses in Ping++'s place. Default: a key made for this process. */
  readonly privateKey?: PrivateKeyInput | undefined
  /** Timeout of a notification, in wall-clock milliseconds. Default: 10,000. */
  readonly responseTimeoutMs?: number | undefined
  /** Seed of random faults. Default: 1. */
  readonly seed?: number | undefined
  /** Allows notifications to, and requests from, other machines. Default: false. */
  readonly allowRemote?: boolean | undefined
  /**
   * Token that the control API demands, as `Authorization: Bearer …`: 16 letters or digits, or more. Default:
   * with `allowRemote` a random one, otherwise none is demanded.
   */
  readonly controlToken?: string | undefined
  /**
   * URL under which a proxy serves this sandbox, as a remote workspace does: pages of this origin may control
   * it. Default: none.
   */
  readonly publicUrl?: string | undefined
  /**
   * How many events are kept at most; then the oldest are removed, with their records. Those that are still to be
   * delivered may be ten times as many. Default: no maximum.
   */
  readonly maxEvents?: number | undefined
  /**
   * A folder: events, envelopes, faults and planned retries are kept there, and taken up by the next sandbox
   * that is started with it. Its file has what notifications contain, and no key. Default: they are lost at the end.
   */
  readonly persist?: string | undefined
}

type WithoutDefault = 'target' | 'startMs' | 'controlToken' | 'publicUrl' | 'maxEvents' | 'persist'
type Replaced = 'clock' | 'apiKey' | 'merchantPublicKey' | 'privateKey'

/** The options, checked and completed; `publicUrl` is an origin. */
export interface Settings
  extends
    Completed<Omit<SandboxOptions, WithoutDefault | Replaced>>,
    Pick<SandboxOptions, WithoutDefault> {
  readonly speed: number
  /** The API keys that are accepted; undefined for every `sk_test_…`. */
  readonly apiKeys: readonly string[] | undefined
  /** An API key that is accepted. */
  readonly apiKey: string
  readonly merchantKeys: readonly VerificationKey[]
  readonly key: SigningKey
}

/** @throws OptionError `option-invalid`, which names the option, or `key-…` */
export async function readOptions(options: SandboxOptions): Promise<Settings> {
  const { clock, apiKey, merchantPublicKey, privateKey, ...rest } = readSettings(
    '`startSandbox`',
    options,
    {
      target: asGiven(),
      port: optional(whole(0, 65_535), 0),
      host: optional(
        must('an address to listen on, such as "127.0.0.1"', (host) => isText(host)),
        '127.0.0.1',
      ),
      clock: optional(readSpeed, 1),
      // Up to the last second that ISO 8601 writes with four digits of the year.
      startMs: optional(whole(0, Date.UTC(9999, 11, 31))),
      sendWebhooks: optional(oneOf('on-retrieve', 'on-create', 'by-hand'), 'on-retrieve'),
      apiKey: optional(readApiKeys),
      merchantPublicKey: optional(readMerchantKeys),
      requestSignatures: optional(oneOf('lenient', 'strict', 'off'), 'lenient'),
      privateKey: optional((key: PrivateKeyInput) => readPrivateKey(key, 'privateKey', true)),
      responseTimeoutMs: optional(milliseconds, 10_000),
      seed: optional(whole(Number.MIN_SAFE_INTEGER, Number.MAX_SAFE_INTEGER), 1),
      allowRemote: optional(flag, false),
      controlToken: optional(
        must('16 letters, digits, `-` or `_`, or more', (token) => isText(token, /^[\w-]{16,}$/)),
      ),
      publicUrl: optional(readPublicUrl),
      maxEvents: optional(whole(1, Number.MAX_SAFE_INTEGER)),
      persist: optional(must('the path of a folder', (path) => isText(path))),
    },
  )
  if (rest.requestSignatures === 'strict' && merchantPublicKey === undefined) {
    throw wrongKeys('strict-without-key')
  }
  return {
    ...rest,
    controlToken: rest.controlToken ?? (rest.allowRemote ? newId('') : undefined),
    speed: clock,
    apiKeys: apiKey,
    apiKey: apiKey?.[0] ?? newId('sk_test_'),
    merchantKeys: merchantPublicKey ?? [],
    key: privateKey ?? (await processKey()),
  }
}

function isText(value: string, pattern = /./s): boolean {
  return typeof value === 'string' && pattern.test(value)
}

function readSpeed(clock: 'real' | 'virtual' | number): number {
  if (clock === 'real') return 1
  if (clock === 'virtual') return 0
  if (typeof clock === 'number' && clock > 0 && clock <= MAX_SPEED) return clock
  throw wrong('clock', '"real", "virtual", or a multiple of real time, up to 1,000,000')
}

function readPublicUrl(url: string): string {
  const parsed = typeof url === 'string' && URL.canParse(url) ? new URL(url) : undefined
  if (parsed !== undefined && /^https?:$/.test(parsed.protocol)) return parsed.origin
  throw wrong('publicUrl', 'a URL with http: or https:, such as "https://4141-shop.example.dev"')
}

// At this speed the 25 hours of retries take a tenth of a second, and a timer's millisecond is a quarter of an hour.
export const MAX_SPEED = 1_000_000

function readApiKeys(apiKey: string | readonly string[]): readonly string[] {
  const keys = [apiKey].flat().map((key) => (typeof key === 'string' ? unquote(key) : ''))
  const areTestKeys = keys.every((key) => /^sk_test_\w+$/.test(key))
  if (areTestKeys && keys.length > 0) return keys
  // Without the value: it may be a live key.
  throw wrong('apiKey', 'a test key ("sk_test_…"), or a list of them; live keys are refused')
}

function readMerchantKeys(
  input: PublicKeyInput | readonly PublicKeyInput[],
): readonly VerificationKey[] {
  try {
    // The example pair of Ping++'s SDKs is accepted here.
    return readPublicKeys(input, true)
  } catch (cause) {
    const code = codeOf(cause) ?? 'unreadable'
    throw wrongKeys('merchant-key', { cause: code }, { cause })
  }
}

/** Like core's, with what the command line writes its sentence of. */
function wrongKeys(reason: RefusalName, about: Values = {}, options?: ErrorOptions): OptionError {
  const error = new OptionError('option-invalid', fill(REFUSALS[reason].en, about), options)
  return Object.assign(error, { reason, about })
}

let madeKey: Promise<string> | undefined

/** Making a key takes a tenth of a second, so a process makes one for all its sandboxes. */
async function processKey(): Promise<SigningKey> {
  madeKey ??= createPrivateKey()
  return readPrivateKey(await madeKey)
}
