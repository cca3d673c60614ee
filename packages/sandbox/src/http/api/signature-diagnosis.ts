import {
  WebhookError,
  readPublicKeys,
  readSignature,
  type VerificationKey,
} from '@hongbao/core/internal'
import { constants, createHash, publicDecrypt, type KeyObject } from 'node:crypto'
import type { Text } from './language.ts'
import { REQUEST_MISTAKES, type SignedParts } from './signature-mistakes.ts'

/**
 * The likely cause of a signature that does not verify.
 *
 * The signature is decrypted with each known public key. The right one shows the hash of what was
 * signed, which is compared with the hash of each common mistake.
 *
 * @param pingppKey the key that signs webhooks in Ping++'s place
 */
export function diagnoseSignature(
  parts: SignedParts,
  header: string,
  merchantKeys: readonly VerificationKey[],
  pingppKey: KeyObject,
): Text {
  const signature = readSignature(header, merchantKeys)
  if (signature instanceof WebhookError) {
    return /^[\da-f]{256,}$/i.test(header) ? HEXADECIMAL : malformed(header)
  }
  const [exampleKey] = readPublicKeys(EXAMPLE_KEY, true)
  const signed = merchantKeys
    .map(({ publicKey }) => decrypt(signature, publicKey))
    .find((digestInfo) => digestInfo !== undefined)
  if (signed === undefined) {
    if (decrypt(signature, pingppKey) !== undefined) return PINGPP_KEY
    const isExample = exampleKey && decrypt(signature, exampleKey.publicKey) !== undefined
    return isExample ? EXAMPLE : otherKey(merchantKeys)
  }
  if (signed.length !== DIGEST_INFO_BYTES) return OTHER_HASH
  const mistake = REQUEST_MISTAKES.find((each) => {
    const bytes = each.signed(parts)
    return bytes !== undefined && signed.subarray(-32).equals(sha256(bytes))
  })
  return mistake ?? OTHER_CONTENT
}

/** The name of SHA-256 and a hash (RFC 8017, section 9.2, note 1). */
const DIGEST_INFO_BYTES = 19 + 32

/** What was signed: the name of a hash algorithm and a hash; undefined for another key. */
function decrypt(signature: Uint8Array, key: KeyObject): Buffer | undefined {
  try {
    return publicDecrypt({ key, padding: constants.RSA_PKCS1_PADDING }, signature)
  } catch {
    return undefined
  }
}

function sha256(bytes: Buffer | string): Buffer {
  return createHash('sha256').update(bytes).digest()
}

const HEXADECIMAL: Text = {
  zh: '签名是十六进制，而不是 base64',
  en: 'the signature is hexadecimal, not base64',
}

const PINGPP_KEY: Text = {
  zh: '用的是沙箱（Ping++）签名 Webhooks 的私钥，而不是商户自己的私钥',
  en: 'it was signed with the key that signs webhooks, not with your own private key',
}

const EXAMPLE: Text = {
  zh: '用的是 Ping++ SDK 中公开的示例私钥 your_rsa_private_key.pem，而不是商户自己的私钥',
  en: "it was signed with your_rsa_private_key.pem, the public example of Ping++'s SDKs, not with your own private key",
}

const OTHER_HASH: Text = {
  zh: '没有使用 SHA-256（Java 用 SHA256withRSA，PHP 用 OPENSSL_ALGO_SHA256）',
  en: 'it was not signed with SHA-256 (Java: SHA256withRSA, PHP: OPENSSL_ALGO_SHA256)',
}

const OTHER_CONTENT: Text = {
  zh: '私钥正确，但签名的内容与收到的不同：签名之后请求被改动过（代理、中间件），或签名的不是实际发送的字节',
  en: 'the key is right, but other content was signed: a proxy changed the request, or the signed bytes are not those that were sent',
}

function otherKey(merchantKeys: readonly VerificationKey[]): Text {
  const known = merchantKeys.map(({ fingerprint }) => fingerprint.slice(0, 16)).join(', ')
  return {
    zh: `签名所用的私钥与沙箱中配置的商户公钥（${known}）不成对，或用的是 RSA-PSS`,
    en: `it was signed with a private key that does not belong to the merchant's public key (${known}), or with RSA-PSS`,
  }
}

function malformed(header: string): Text {
  const { length } = Buffer.from(header, 'base64')
  return {
    zh: `签名不是标准的 base64，或长度（${length} 字节）与商户公钥不符`,
    en: `the signature is not standard base64, or its length (${length} bytes) is not that of the merchant's key`,
  }
}

// Public half of the pair that all seven SDKs ship as example/your_rsa_private_key.pem.
const EXAMPLE_KEY =
  'MIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8AMIIBCgKCAQEAx2MktxcKBEqdYRi2IgYcupPQIN5cxgiB' +
  'L5udCCBJBNBbXPaquOE1qspfhB1KUzHXATnCONiSzubLcBTnwi2tz0ErRCeJZSERRCpbKx4eu6b1' +
  'neUTWkga7xpZxWONEvkmZo5Nlhf4fXRPUYnO/bdGCNGpQ/HSJfWLtzmhCqO1aJwVhcDmDMYz4bTk' +
  'ZavhFBdVyXf/8n7UKylk03eymlKJ1swQpeFcxaKfzsk1mJU7mc93mCWjaR+VWkNbw4AQHDyHgbzH' +
  '+zYARzCluiy5hXdixGEP+iO4ZBk48rEs1hKTvGz1k+jhLCdkdpBRjq0pK/htjA3Ce8pF2AJs+fgN' +
  '6ZUumQIDAQAB'
