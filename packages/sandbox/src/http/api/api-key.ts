import { createHash, timingSafeEqual } from 'node:crypto'
import { ApiError, maskKeys } from './api-error.ts'

/**
 * Refuses a request without a key that the sandbox takes.
 *
 * @param taken the keys that are taken; undefined for every `sk_test_…`
 * @throws ApiError
 */
export function checkApiKey(
  authorization: string | undefined,
  taken: readonly string[] | undefined,
): void {
  const key = readKey(authorization)
  if (key === undefined) throw new ApiError('key-missing')
  if (key.startsWith('sk_live_')) throw new ApiError('key-live', { about: { key: mask(key) } })
  if (!TEST_KEY.test(key) || !isTaken(key, taken)) {
    throw new ApiError('key-invalid', { about: { key: mask(key) } })
  }
}

const TEST_KEY = /^sk_test_\w+$/
const CREDENTIALS = /^(basic|bearer) +(\S+) *$/i

/** `Bearer key` as the guide says, or Basic with the key as user name and an empty password; SDKs use either. */
function readKey(authorization = ''): string | undefined {
  const [, scheme, credentials = ''] = CREDENTIALS.exec(authorization) ?? []
  if (scheme === undefined) return undefined
  if (scheme.toLowerCase() === 'bearer') return credentials
  const [user] = Buffer.from(credentials, 'base64').toString().split(':', 1)
  return user === '' ? undefined : user
}

/** Takes the same time wherever two keys differ. */
function isTaken(key: string, taken: readonly string[] | undefined): boolean {
  if (taken === undefined) return true
  const given = digestOf(key)
  return taken.filter((each) => timingSafeEqual(given, digestOf(each))).length > 0
}

function digestOf(key: string): Buffer {
  return createHash('sha256').update(key).digest()
}

function mask(key: string): string {
  const masked = maskKeys(key)
  return masked === key ? '****' : masked
}
