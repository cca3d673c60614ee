import type { AttemptDetail, EventDetail } from '../../http/control/types.ts'
import { sentBytes } from './attempt.ts'
import { fromBase64, fromText } from './bytes.ts'
import { quote } from './curl.ts'

/** What the signature of an attempt is worth, and why. */
export type SignatureVerdict =
  | 'valid'
  | 'absent'
  | 'bodyDiffers'
  | 'otherKey'
  /** The browser has no WebCrypto: on a page of another machine without TLS. */
  | 'unknown'

const ALGORITHM = { name: 'RSASSA-PKCS1-v1_5', hash: 'SHA-256' }

/** Verifies what was really sent, as an app would. @param publicKey PEM */
export async function judgeSignature(
  event: EventDetail,
  attempt: AttemptDetail,
  publicKey: string,
): Promise<SignatureVerdict> {
  const { signature } = attempt.sent
  if (signature === null) return 'absent'
  if (!globalThis.isSecureContext) return 'unknown'
  const key = await importKey(publicKey)
  if (await verifies(key, signature, sentBytes(event, attempt))) return 'valid'
  if (signature === event.signature) return 'bodyDiffers'
  if (await verifies(key, signature, fromText(event.body))) return 'bodyDiffers'
  return 'otherKey'
}

function importKey(pem: string): Promise<CryptoKey> {
  const der = fromBase64(pem.replaceAll(/-----[^-]+-----|\s/g, ''))
  return crypto.subtle.importKey('spki', Uint8Array.from(der), ALGORITHM, false, ['verify'])
}

async function verifies(key: CryptoKey, signature: string, bytes: Uint8Array): Promise<boolean> {
  try {
    const decoded = Uint8Array.from(fromBase64(signature))
    return await crypto.subtle.verify(ALGORITHM, key, decoded, Uint8Array.from(bytes))
  } catch {
    // Not base64.
    return false
  }
}

/** Shell commands that verify the event with OpenSSL, as an app must. */
export function opensslCommands(publicKey: string, signature: string, body: string): string {
  return [
    `cat > key.pem <<'PEM'\n${publicKey.trim()}\nPEM`,
    `printf %s '${signature}' | openssl base64 -d -A > signature.bin`,
    `printf %s ${quote(body)} | openssl dgst -sha256 -verify key.pem -signature signature.bin`,
  ].join('\n')
}
