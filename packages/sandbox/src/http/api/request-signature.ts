import type { KeyObject } from 'node:crypto'
import {
  findSigner,
  WebhookError,
  readSignature,
  type VerificationKey,
} from '@hongbao/core/internal'
import { ApiError, type ProblemDetails } from './api-error.ts'
import type { ApiRequest } from './request.ts'
import { diagnoseSignature, join, type SignedParts } from './signature-mistakes.ts'

/**
 * How strictly requests must be signed. `lenient`: POST and PUT, in any way that an SDK ever had; other
 * requests only if they have a signature. `strict`: everything, as by current SDKs.
 */
export type SignatureMode = 'strict' | 'lenient' | 'off'

export interface SignatureOptions {
  /** Public keys of the merchant; if there are none, signatures are not checked. */
  readonly merchantKeys: readonly VerificationKey[]
  readonly mode: SignatureMode
  /** Wall clock in milliseconds: SDKs know no other. */
  readonly now: () => number
  /** Signs webhooks; a merchant may use it by mistake. */
  readonly pingppKey: KeyObject
}

/** Result of the check; with a problem, the request is refused. */
export interface SignatureVerdict {
  readonly state: 'valid' | 'invalid' | 'absent' | 'unchecked'
  readonly problem?: ApiError
}

// The tolerance of Ping++ is not known. Ten minutes forgive a clock that drifts, not a wrong zone.
const TOLERANCE_SECONDS = 600

export type SignatureCheck = (request: ApiRequest, body: Buffer) => SignatureVerdict

/** The check of merchants' signatures (guide, step 2). */
export function createSignatureCheck(options: SignatureOptions): SignatureCheck {
  const { merchantKeys, mode, now, pingppKey } = options

  return function checkSignature(request, body): SignatureVerdict {
    const { method, target } = request
    if (mode === 'off' || merchantKeys.length === 0) return { state: 'unchecked' }
    const given = headerOf(request, 'pingplusplus-signature')
    if (given === undefined) {
      if (mode === 'lenient' && !mustBeSigned(method)) return { state: 'absent' }
      return { state: 'absent', problem: new ApiError('signature-missing') }
    }
    const timestamp = headerOf(request, 'pingplusplus-request-timestamp')
    const parts = { target, body, timestamp }
    const signature = readSignature(given, merchantKeys)
    const isSigned =
      !(signature instanceof WebhookError) &&
      signedContents(method, parts, mode).some((bytes) =>
        findSigner(bytes, signature, merchantKeys),
      )
    if (!isSigned) {
      const flaw = diagnoseSignature(parts, given, merchantKeys, pingppKey)
      return { state: 'invalid', problem: new ApiError('signature-invalid', flaw) }
    }
    const flaw = findTimestampFlaw(timestamp, now())
    if (flaw === undefined) return { state: 'valid' }
    return { state: 'invalid', problem: new ApiError('timestamp-invalid', flaw) }
  }
}

/**
 * The bytes that SDKs sign, or did: everything, since the end of 2016. Lenient: the body, for POST and
 * PUT and without a timestamp, in 2015 (and in omnipay-pingpp to this day); body and timestamp in
 * between; with `sign_opts` of the PHP SDK, body and target for POST and PUT.
 */
function signedContents(
  method: string,
  parts: SignedParts,
  mode: SignatureMode,
): readonly Buffer[] {
  const { body, timestamp } = parts
  const current = timestamp === undefined ? [] : [join(parts)]
  if (mode === 'strict') return current
  if (timestamp !== undefined) return [...current, join({ ...parts, target: '' })]
  return mustBeSigned(method) ? [body, join(parts)] : []
}

/** An empty header counts as none. */
function headerOf(request: ApiRequest, name: string): string | undefined {
  const value = request.header(name)?.trim()
  return value === '' ? undefined : value
}

/** "All POST and PUT requests" (guide, step 2). */
function mustBeSigned(method: string): boolean {
  return method === 'POST' || method === 'PUT'
}

function findTimestampFlaw(
  timestamp: string | undefined,
  nowMs: number,
): ProblemDetails | undefined {
  if (timestamp === undefined) return undefined
  if (!/^\d{1,16}$/.test(timestamp)) return { cause: 'timestamp-not-integer' }
  const seconds = Number(timestamp)
  const lateSeconds = Math.round(nowMs / 1000) - seconds
  const apart = Math.abs(lateSeconds)
  if (apart <= TOLERANCE_SECONDS) return undefined
  // As seconds, that is after the year 5138.
  if (seconds > 1e11) return { cause: 'timestamp-in-ms' }
  const about = { apart: String(apart), tolerance: String(TOLERANCE_SECONDS) }
  return { cause: lateSeconds > 0 ? 'timestamp-early' : 'timestamp-late', about }
}
