import {
  findSigner,
  readSignature,
  WebhookError,
  type VerificationKey,
} from '@hongbao/core/internal'
import { ApiError } from './api-error.ts'
import type { Text } from './language.ts'
import type { ApiRequest } from './request.ts'
import { diagnoseSignature, type KnownKey, type SignedParts } from './signature-diagnosis.ts'

/** How strictly requests must be signed. */
export type SignatureMode = 'strict' | 'lenient' | 'off'

export interface SignatureOptions {
  /** Public keys of the merchant; none: signatures are not checked. */
  readonly merchantKeys: readonly VerificationKey[]
  readonly mode: SignatureMode
  /** Wall clock in milliseconds: SDKs know no other. */
  readonly now: () => number
  /** Keys that a merchant may take by mistake, for the diagnosis. */
  readonly otherKeys: readonly KnownKey[]
}

/** What was found of a signature; with a problem, the request is refused. */
export interface SignatureVerdict {
  readonly state: 'valid' | 'invalid' | 'absent' | 'unchecked'
  readonly problem?: ApiError
}

/** One way of signing that SDKs have, or had. */
interface Variant {
  readonly isCurrent: boolean
  /** The bytes that are signed; undefined where the variant cannot be meant. */
  readonly content: (parts: SignedParts) => Buffer | undefined
}

// What the SDKs' histories show: everything, since the end of 2016; the body alone, for POST and PUT
// and without a timestamp, in 2015 (and in omnipay-pingpp to this day); body and timestamp between. With
// `sign_opts` the PHP SDK leaves out either or both for POST and PUT, so body and target too.
const VARIANTS: readonly Variant[] = [
  {
    isCurrent: true,
    content: ({ body, target, timestamp }) =>
      timestamp === undefined ? undefined : Buffer.concat([body, Buffer.from(target + timestamp)]),
  },
  {
    isCurrent: false,
    content: ({ method, body, timestamp }) =>
      timestamp === undefined && mustBeSigned(method) ? body : undefined,
  },
  {
    isCurrent: false,
    content: ({ body, timestamp }) =>
      timestamp === undefined ? undefined : Buffer.concat([body, Buffer.from(timestamp)]),
  },
  {
    isCurrent: false,
    content: ({ method, body, target, timestamp }) =>
      timestamp === undefined && mustBeSigned(method)
        ? Buffer.concat([body, Buffer.from(target)])
        : undefined,
  },
]

// The tolerance of Ping++ is not known. Ten minutes forgive a clock that drifts, not a wrong zone.
const TOLERANCE_SECONDS = 600

/** Makes the check of merchants' signatures (guide, step 2). */
export function createSignatureCheck(
  options: SignatureOptions,
): (request: ApiRequest, body: Buffer) => SignatureVerdict {
  const { merchantKeys, mode, now, otherKeys } = options
  const variants = VARIANTS.filter(({ isCurrent }) => isCurrent || mode === 'lenient')
  const known: readonly KnownKey[] = [...merchantKeys, ...otherKeys]

  return function checkSignature(request, body): SignatureVerdict {
    if (mode === 'off' || merchantKeys.length === 0) return { state: 'unchecked' }
    const header = request.header('pingplusplus-signature')?.trim() ?? ''
    if (header === '') return judgeUnsigned(request.method)
    const parts = partsOf(request, body)
    if (!isSigned(parts, header)) {
      const cause = diagnoseSignature(parts, header, known)
      return { state: 'invalid', problem: new ApiError('signature-invalid', { about: { cause } }) }
    }
    const cause = findTimestampFlaw(parts.timestamp, now())
    if (cause === undefined) return { state: 'valid' }
    return { state: 'invalid', problem: new ApiError('timestamp-invalid', { about: { cause } }) }
  }

  function judgeUnsigned(method: string): SignatureVerdict {
    if (mode === 'lenient' && !mustBeSigned(method)) return { state: 'absent' }
    return { state: 'absent', problem: new ApiError('signature-missing') }
  }

  function isSigned(parts: SignedParts, header: string): boolean {
    const signature = readSignature(header, merchantKeys)
    if (signature instanceof WebhookError) return false
    return variants.some(({ content }) => {
      const bytes = content(parts)
      return bytes !== undefined && findSigner(bytes, signature, merchantKeys) !== undefined
    })
  }
}

function partsOf(request: ApiRequest, body: Buffer): SignedParts {
  const { method, target } = request
  const timestamp = request.header('pingplusplus-request-timestamp')?.trim()
  return {
    method,
    target,
    origin: `http://${request.header('host') ?? 'api.pingxx.com'}`,
    body,
    timestamp: timestamp === '' ? undefined : timestamp,
  }
}

/** "All POST and PUT requests" (guide, step 2). */
function mustBeSigned(method: string): boolean {
  return method === 'POST' || method === 'PUT'
}

function findTimestampFlaw(timestamp: string | undefined, nowMs: number): Text | undefined {
  if (timestamp === undefined) return undefined
  if (!/^\d{1,16}$/.test(timestamp)) return { zh: '它不是一个整数', en: 'it is not an integer' }
  const seconds = Number(timestamp)
  const lateSeconds = Math.round(nowMs / 1000) - seconds
  if (Math.abs(lateSeconds) <= TOLERANCE_SECONDS) return undefined
  // As seconds, that is after the year 5138.
  if (seconds > 1e11) return { zh: '它以毫秒为单位', en: 'it counts milliseconds' }
  const apart = String(Math.abs(lateSeconds))
  return lateSeconds > 0
    ? {
        zh: `它比这台机器的时钟早 ${apart} 秒（允许 ${TOLERANCE_SECONDS} 秒）：请检查时钟；重试时须重新签名`,
        en: `it is ${apart} seconds before the clock of this machine (${TOLERANCE_SECONDS} are allowed): check the clock, and sign again on a retry`,
      }
    : {
        zh: `它比这台机器的时钟晚 ${apart} 秒（允许 ${TOLERANCE_SECONDS} 秒）：请检查时钟`,
        en: `it is ${apart} seconds after the clock of this machine (${TOLERANCE_SECONDS} are allowed): check the clock`,
      }
}
