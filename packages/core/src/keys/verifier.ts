import { createFailure, WebhookError } from '../reply/errors.ts'
import {
  readPublicKeys,
  type PublicKeyFunction,
  type PublicKeys,
  type VerificationKey,
} from './public-key.ts'
import { findSigner, readSignature } from './signature.ts'
import { withTimeout } from '../options/with-timeout.ts'

/**
 * Checks signatures. With keys that are known from the start it answers at once; only with keys that
 * a function returns does it give promises.
 */
export interface Verifier {
  /** Decodes the signature header, before the body is read. */
  readSignature(this: void, header: Header): Signature | Promise<Signature>
  /** The key under which the signature covers these bytes. */
  findSigner(this: void, body: Uint8Array, signature: Uint8Array): Signer | Promise<Signer>
  /** Why nothing can be verified now, if so. */
  check(this: void): Promise<WebhookError | undefined>
}

type Header = Parameters<typeof readSignature>[0]
type Signature = ReturnType<typeof readSignature>
type Signer = VerificationKey | WebhookError
type Keys = readonly VerificationKey[]

export function createVerifier(keys: Keys): Verifier {
  // Made once: a forged delivery should not cost more than the check.
  const mismatch = mismatchOf(keys)
  return {
    readSignature: (header) => readSignature(header, keys),
    findSigner: (body, signature) =>
      findSigner(body, signature, keys) ?? createFailure('signature-mismatch', mismatch),
    check: () => Promise.resolve(undefined),
  }
}

function mismatchOf(keys: Keys): string {
  return `Configured: ${keys.map((key) => key.fingerprint.slice(0, 16)).join(', ')}.`
}

/** What a verifier with a function needs besides. */
export interface KeyFunctionOptions {
  readonly allowPublishedKeys: boolean
  readonly now: () => number
  /** Called when keys could not be read again, and the last good ones stay in use. */
  readonly onStale: (failure: WebhookError) => void
}

/** The same with keys that a function returns. */
export function createRotatingVerifier(
  publicKey: PublicKeyFunction,
  options: KeyFunctionOptions,
): Verifier {
  const ring = createKeyRing(publicKey, options)

  return {
    async readSignature(header) {
      // A request without a signature needs no key.
      if (header === undefined) return readSignature(header, [])
      const keys = await ring.current()
      if (keys instanceof WebhookError) return keys
      const signature = readSignature(header, keys)
      if (!(signature instanceof WebhookError) || signature.code !== 'signature-malformed')
        return signature
      // A new key may be longer than the old one, and so are its signatures.
      const newer = await ring.newerThan(keys)
      return newer === undefined ? signature : readSignature(header, newer)
    },
    async findSigner(body, signature) {
      const keys = await ring.current()
      if (keys instanceof WebhookError) return keys
      const signer = findSigner(body, signature, keys)
      if (signer !== undefined) return signer
      const newer = await ring.newerThan(keys)
      const mismatch = createFailure('signature-mismatch', mismatchOf(newer ?? keys))
      return newer === undefined ? mismatch : (findSigner(body, signature, newer) ?? mismatch)
    },
    async check() {
      const keys = await ring.current()
      return keys instanceof WebhookError ? keys : undefined
    },
  }
}

/** The keys that a function returned, and when to ask it again. */
interface KeyRing {
  /** The keys to verify with: those in hand for 10 minutes, then they are read again. */
  current(this: void): Keys | WebhookError | Promise<Keys | WebhookError>
  /** Keys that came after these, read again if the last reading is 30 s ago; undefined if there are none. */
  newerThan(this: void, keys: Keys): Promise<Keys | undefined>
}

const KEPT_MS = 10 * 60_000
const COOL_DOWN_MS = 30_000
// Without any key all deliveries fail, so a function that failed is asked again soon.
const RETRY_MS = 1000
const TIMEOUT_MS = 5000

function createKeyRing(
  publicKey: PublicKeyFunction,
  { allowPublishedKeys, now, onStale }: KeyFunctionOptions,
): KeyRing {
  let held: Keys | undefined
  let failure: WebhookError | undefined
  let readAt = -Infinity
  let reading: Promise<void> | undefined

  function current(): Keys | WebhookError | Promise<Keys | WebhookError> {
    const last = held ?? failure
    if (last !== undefined && isWithin(keepsFor())) return last
    return readAgain()
  }

  function keepsFor(): number {
    if (failure === undefined) return KEPT_MS
    return held === undefined ? RETRY_MS : COOL_DOWN_MS
  }

  async function newerThan(keys: Keys): Promise<Keys | undefined> {
    if (keys === held) {
      if (reading === undefined && isWithin(COOL_DOWN_MS)) return undefined
      await readOnce()
    }
    return held === keys ? undefined : held
  }

  /** Also false if the clock was put back, or is broken: then the keys are read again. */
  function isWithin(ms: number): boolean {
    const age = now() - readAt
    return age >= 0 && age < ms
  }

  async function readAgain(): Promise<Keys | WebhookError> {
    await readOnce()
    return held ?? failure ?? createFailure('key-unavailable')
  }

  /** However many deliveries wait, the function is called once. */
  function readOnce(): Promise<void> {
    reading ??= read().finally(() => {
      reading = undefined
    })
    return reading
  }

  async function read(): Promise<void> {
    try {
      const input = await withTimeout(TIMEOUT_MS, call(publicKey), hangs)
      held = input instanceof WebhookError ? held : readPublicKeys(input, allowPublishedKeys)
      failure = input instanceof WebhookError ? input : undefined
    } catch (error) {
      failure = createFailure('key-unavailable', undefined, { cause: error })
    }
    readAt = now()
    if (held !== undefined && failure !== undefined) onStale(staleOf(failure))
  }

  return { current, newerThan }
}

/** Also of a function that throws before it returns a promise. */
async function call(publicKey: PublicKeyFunction): Promise<PublicKeys | WebhookError> {
  return publicKey()
}

function hangs(): WebhookError {
  return createFailure('key-unavailable', `It has not answered within ${TIMEOUT_MS} ms.`)
}

function staleOf(failure: WebhookError): WebhookError {
  const told = `${failure.detail ?? ''} The last good keys stay in use.`.trim()
  return createFailure('key-unavailable', told, failure)
}
