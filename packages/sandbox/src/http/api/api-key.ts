import { ApiError } from './api-error.ts'
import { maskKeys } from '../../mask-keys.ts'
import { isSameSecret } from '../same-secret.ts'

/**
 * Checks the API key of a request.
 *
 * @param accepted undefined for every `sk_test_…`
 * @throws ApiError
 */
export function checkApiKey(
  authorization: string | undefined,
  accepted: readonly string[] | undefined,
): void {
  const key = readKey(authorization)
  if (key === undefined) throw new ApiError('key-missing')
  if (key.startsWith('sk_live_')) throw new ApiError('key-live', { about: { key: mask(key) } })
  // Compares with every key, so that the time does not depend on which one it is.
  const isAccepted = accepted?.map((each) => isSameSecret(key, each)).includes(true) ?? true
  if (!TEST_KEY.test(key) || !isAccepted) {
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

function mask(key: string): string {
  const masked = maskKeys(key)
  return masked === key ? '****' : masked
}
