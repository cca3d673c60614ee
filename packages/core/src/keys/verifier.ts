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
 * Verifies signatures. With fixed keys its results are values; with keys that a function returns, they
 * may be promises.
 */
export interface Verifier {
  readSignature(this: void, header: Header): Signature | Promise<Signature>
  findSigner(this: void, body: Uint8Array, signature: Uint8Array): Signer | Promise<Signer>
  /** Returns a failure if no key is available now. */
  check(this: void): Promise<WebhookError | undefined>
}

type Header = Parameters<typeof readSignature>[0]
type Signature = ReturnType<typeof readSignature>
type Signer = VerificationKey | WebhookError
type Keys = readonly VerificationKey[]

export function createVerifier(keys: Keys): Verifier {
  // Made once, so that a forged delivery costs only the check.
  const configured = fingerprintsOf(keys)
  return {
    readSignature: (header) => readSignature(header, keys),
    findSigner: (body, signature) =>
      findSigner(body, signature, keys) ?? createFailure('signature-mismatch', configured),
    check: () => Promise.resolve(undefined),
  }
}

function fingerprintsOf(keys: Keys): string {
  return `Configured: ${keys.map((key) => key.fingerprint.slice(0, 16)).join(', ')}.`
}

export interface KeyFunctionOptions {
  readonly allowPublishedKeys: boolean
  readonly now: () => number
  /** Whether the runtime freezes requests: a promise of one that ended never settles. */
  readonly isFreezing: boolean
  /** Called when the keys could not be read again and the last good ones stay in use. */
  readonly onStale: (failure: WebhookError) => void
}

export function createRotatingVerifier(
  publicKey: PublicKeyFunction,
  options: KeyFunctionOptions,
): Verifier {
  const ring = createKeyRing(publicKey, options)
  return {
    readSignature(header) {
      // A request without a signature needs no key.
      if (header === undefined || header === '') return readSignature(header, [])
      return tryKeys(ring, (keys) => readSignature(header, keys))
    },
    findSigner: (body, signature) =>
      tryKeys(
        ring,
        (keys) =>
          findSigner(body, signature, keys) ??
          createFailure('signature-mismatch', fingerprintsOf(keys)),
      ),
    async check() {
      const keys = await ring.current()
      return keys instanceof WebhookError ? keys : undefined
    },
  }
}

/** Tries again with newer keys: a new key may be longer than the old one, and so are its signatures. */
async function tryKeys<Result>(
  ring: KeyRing,
  attempt: (keys: Keys) => Result | WebhookError,
): Promise<Result | WebhookError> {
  const keys = await ring.current()
  if (keys instanceof WebhookError) return keys
  const result = attempt(keys)
  if (!(result instanceof WebhookError)) return result
  const newer = await ring.newerThan(keys)
  if (newer instanceof WebhookError) return newer
  return newer === undefined ? result : attempt(newer)
}

interface KeyRing {
  /** Returns the keys to verify with; they are read again after 10 minutes. */
  current(this: void): Promise<Keys | WebhookError>
  /**
   * Returns newer keys than these, reading again after 30 s; undefined if there are none. A failure if
   * the last reading failed: a newer key may exist, so nothing can be called forged.
   */
  newerThan(this: void, keys: Keys): Promise<Keys | WebhookError | undefined>
}

const KEPT_MS = 10 * 60_000
const COOL_DOWN_MS = 30_000
// Without any key all deliveries fail, so a function that failed is called again soon.
const RETRY_MS = 1000
const TIMEOUT_MS = 5000

function createKeyRing(
  publicKey: PublicKeyFunction,
  { allowPublishedKeys, now, isFreezing, onStale }: KeyFunctionOptions,
): KeyRing {
  let held: Keys | undefined
  let failure: WebhookError | undefined
  let readAt = -Infinity
  let reading: Promise<void> | undefined

  async function current(): Promise<Keys | WebhookError> {
    if (!isWithin(keepsFor())) await readOnce()
    return held ?? failure ?? createFailure('key-unavailable')
  }

  function keepsFor(): number {
    if (failure === undefined) return KEPT_MS
    return held === undefined ? RETRY_MS : COOL_DOWN_MS
  }

  async function newerThan(keys: Keys): Promise<Keys | WebhookError | undefined> {
    if (keys === held && (reading !== undefined || !isWithin(COOL_DOWN_MS))) await readOnce()
    return held === keys ? failure : held
  }

  /** Returns false too if the clock was set back or returns NaN: then the keys are read again. */
  function isWithin(ms: number): boolean {
    const age = now() - readAt
    return age >= 0 && age < ms
  }

  /** Calls the function once, however many deliveries wait; on Workers once for each. */
  function readOnce(): Promise<void> {
    if (isFreezing) return read()
    reading ??= read().finally(() => {
      reading = undefined
    })
    return reading
  }

  async function read(): Promise<void> {
    try {
      const input = await withTimeout(TIMEOUT_MS, call(publicKey), timedOut)
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

/** Rejects also if the function throws before it returns a promise. */
async function call(publicKey: PublicKeyFunction): Promise<PublicKeys | WebhookError> {
  return publicKey()
}

function timedOut(): WebhookError {
  return createFailure('key-unavailable', `It has not answered within ${TIMEOUT_MS} ms.`)
}

function staleOf(failure: WebhookError): WebhookError {
  const sentence = `${failure.detail ?? ''} The last good keys stay in use.`.trim()
  return createFailure('key-unavailable', sentence, failure)
}
