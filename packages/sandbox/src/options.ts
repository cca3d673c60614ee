import { OptionError } from '@hongbao/core'
import {
  checkOptions,
  readPrivateKey,
  readPublicKeys,
  readTimeout,
  unquote,
  wrong,
  type PrivateKeyInput,
  type PublicKeyInput,
  type SigningKey,
  type VerificationKey,
} from '@hongbao/core/internal'
import { generateKeyPair } from 'node:crypto'
import { promisify } from 'node:util'
import type { SignatureMode } from './http/api/request-signature.ts'
import type { SendWebhooks } from './engine/engine.ts'
import type { Target } from './delivery/target.ts'
import { newId } from './events/ids.ts'

/** Options of {@link startSandbox}. */
export interface SandboxOptions {
  /** Where notifications go. Default: nowhere; they are kept. */
  readonly target?: Target | undefined
  /** Port of the HTTP server; 0 takes a free one. Default: 0. */
  readonly port?: number | undefined
  /** Address that the server listens on; others than loopback need `allowRemote`. Default: `127.0.0.1`. */
  readonly host?: string | undefined
  /** `'real'`, `'virtual'`, or how many times as fast as real. Default: `'real'`. */
  readonly clock?: 'real' | 'virtual' | number | undefined
  /** When the clock starts, in milliseconds since 1970. Default: now. */
  readonly startMs?: number | undefined
  /** When red envelopes cause notifications. Default: `'on-retrieve'`, as Ping++'s test mode. */
  readonly sendWebhooks?: SendWebhooks | undefined
  /** The API keys that are taken. Default: every `sk_test_…`. */
  readonly apiKey?: string | readonly string[] | undefined
  /** The merchant's public key; requests must be signed with its private half. Default: signatures are not checked. */
  readonly merchantPublicKey?: PublicKeyInput | readonly PublicKeyInput[] | undefined
  /**
   * Which requests must be signed: POST and PUT alone, as the guide says, or all; and whether older
   * ways of signing count. Default: `'lenient'`.
   */
  readonly requestSignatures?: SignatureMode | undefined
  /** Signs notifications and answers, in Ping++'s place. Default: a key made for this process. */
  readonly privateKey?: PrivateKeyInput | undefined
  /** How long an app may take to answer, in wall-clock milliseconds. Default: 10,000. */
  readonly responseTimeoutMs?: number | undefined
  /** What random faults go by. Default: 1. */
  readonly seed?: number | undefined
  /** Lets notifications go to, and requests come from, other machines. Default: false. */
  readonly allowRemote?: boolean | undefined
}

/** The options, checked and completed. */
export interface Settings {
  readonly target: Target | undefined
  readonly port: number
  readonly host: string
  readonly speed: number
  readonly startMs: number | undefined
  readonly sendWebhooks: SendWebhooks
  /** The API keys that are taken; undefined for every `sk_test_…`. */
  readonly apiKeys: readonly string[] | undefined
  /** One that is taken. */
  readonly apiKey: string
  readonly merchantKeys: readonly VerificationKey[]
  readonly requestSignatures: SignatureMode
  readonly key: SigningKey
  readonly responseTimeoutMs: number
  readonly seed: number
  readonly allowRemote: boolean
}

const NAMES: Readonly<Record<keyof SandboxOptions, true>> = {
  target: true,
  port: true,
  host: true,
  clock: true,
  startMs: true,
  sendWebhooks: true,
  apiKey: true,
  merchantPublicKey: true,
  requestSignatures: true,
  privateKey: true,
  responseTimeoutMs: true,
  seed: true,
  allowRemote: true,
}
// The last second that ISO 8601 writes with four digits of the year.
const LAST_MS = Date.UTC(9999, 11, 31)

/** @throws OptionError `option-invalid`, which names the option, or `key-…` */
export async function readOptions(options: SandboxOptions): Promise<Settings> {
  checkOptions('`startSandbox`', options, NAMES)
  const apiKeys = readApiKeys(options.apiKey)
  return {
    target: options.target,
    port: readNumber('port', options.port ?? 0, 0, 65_535),
    host: readHost(options.host),
    speed: readSpeed(options.clock),
    startMs:
      options.startMs === undefined
        ? undefined
        : readNumber('startMs', options.startMs, 0, LAST_MS),
    sendWebhooks: readChoice('sendWebhooks', options.sendWebhooks ?? 'on-retrieve', SEND_WEBHOOKS),
    apiKeys,
    apiKey: apiKeys?.[0] ?? newId('sk_test_'),
    ...readSignatureOptions(options),
    key: await readKey(options.privateKey),
    responseTimeoutMs: readTimeout('responseTimeoutMs', options.responseTimeoutMs ?? 10_000),
    seed: readNumber('seed', options.seed ?? 1, Number.MIN_SAFE_INTEGER, Number.MAX_SAFE_INTEGER),
    allowRemote: readChoice('allowRemote', options.allowRemote ?? false, [true, false]),
  }
}

const SEND_WEBHOOKS: readonly SendWebhooks[] = ['on-retrieve', 'on-create', 'by-hand']
const SIGNATURE_MODES: readonly SignatureMode[] = ['lenient', 'strict', 'off']

function readHost(host = '127.0.0.1'): string {
  if (typeof host === 'string' && host !== '') return host
  throw wrong('host', 'an address to listen on, such as "127.0.0.1"')
}

function readSpeed(clock: SandboxOptions['clock'] = 'real'): number {
  if (clock === 'real') return 1
  if (clock === 'virtual') return 0
  if (typeof clock === 'number' && clock > 0 && clock <= MAX_SPEED) return clock
  throw wrong('clock', '"real", "virtual", or how many times as fast as real, up to 1,000,000')
}

// At this speed the 25 hours of retries take a tenth of a second, and a timer's millisecond is a quarter of an hour.
const MAX_SPEED = 1_000_000

function readApiKeys(apiKey: SandboxOptions['apiKey']): readonly string[] | undefined {
  if (apiKey === undefined) return undefined
  const keys = [apiKey].flat().map((key) => (typeof key === 'string' ? unquote(key) : ''))
  const areTestKeys = keys.every((key) => /^sk_test_\w+$/.test(key))
  if (areTestKeys && keys.length > 0) return keys
  // Without the value: it may be a live key.
  throw wrong('apiKey', 'a test key ("sk_test_…"), or a list of them; a live key has no place here')
}

function readSignatureOptions({
  merchantPublicKey,
  requestSignatures = 'lenient',
}: SandboxOptions): Pick<Settings, 'merchantKeys' | 'requestSignatures'> {
  readChoice('requestSignatures', requestSignatures, SIGNATURE_MODES)
  if (requestSignatures === 'strict' && merchantPublicKey === undefined) {
    throw new OptionError(
      'option-invalid',
      '`requestSignatures` is "strict", but there is no `merchantPublicKey` to check them with.',
    )
  }
  const merchantKeys = merchantPublicKey === undefined ? [] : readMerchantKeys(merchantPublicKey)
  return { merchantKeys, requestSignatures }
}

function readMerchantKeys(
  input: PublicKeyInput | readonly PublicKeyInput[],
): readonly VerificationKey[] {
  try {
    // The example pair of Ping++'s SDKs is as good as any here.
    return readPublicKeys(input, true)
  } catch (cause) {
    const code = cause instanceof Error && 'code' in cause ? String(cause.code) : 'unreadable'
    throw new OptionError(
      'option-invalid',
      `\`merchantPublicKey\` is not a public RSA key of 2048 bits or more (${code}). It is the public half of the key that signs requests.`,
      { cause },
    )
  }
}

let madeKey: Promise<SigningKey> | undefined

/** Making a key takes a tenth of a second, so a process makes one for all its sandboxes. */
function readKey(input: PrivateKeyInput | undefined): SigningKey | Promise<SigningKey> {
  if (input !== undefined) return readPrivateKey(input, 'privateKey', true)
  madeKey ??= makeKey()
  return madeKey
}

async function makeKey(): Promise<SigningKey> {
  const { privateKey } = await promisify(generateKeyPair)('rsa', { modulusLength: 2048 })
  return readPrivateKey(privateKey)
}

function readNumber(option: string, value: number, least: number, most: number): number {
  if (Number.isSafeInteger(value) && value >= least && value <= most) return value
  const [from, to] = [least, most].map((bound) => bound.toLocaleString('en-US'))
  throw wrong(option, `a whole number from ${from} to ${to}`)
}

function readChoice<Choice>(option: string, value: Choice, choices: readonly Choice[]): Choice {
  if (choices.includes(value)) return value
  throw wrong(option, choices.map((choice) => JSON.stringify(choice)).join(' or '))
}
