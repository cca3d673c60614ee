import { createPublicKey } from 'node:crypto'
import { readPublicKeys, type SigningKey } from '@hongbao/core/internal'
import type { KnownKey } from './signature-diagnosis.ts'

/** Keys that a merchant may sign requests with by mistake. */
export function keysOfOthers(sandboxKey: SigningKey): readonly KnownKey[] {
  const webhookKey = readPublicKeys(createPublicKey(sandboxKey.privateKey), true).map((key) => ({
    ...key,
    says: {
      zh: '用的是沙箱（Ping++）签名 Webhooks 的私钥，而不是商户自己的私钥',
      en: "it was made with the key that signs webhooks in Ping++'s place, not with your own",
    },
  }))
  const exampleKey = readPublicKeys(EXAMPLE_KEY, true).map((key) => ({
    ...key,
    says: {
      zh: '用的是 Ping++ SDK 中人人皆知的示例私钥 your_rsa_private_key.pem，而不是商户自己的私钥',
      en: "it was made with your_rsa_private_key.pem, the example of Ping++'s SDKs that everybody has, not with your own key",
    },
  }))
  return [...webhookKey, ...exampleKey]
}

// Public half of the pair that all seven SDKs ship as example/your_rsa_private_key.pem.
const EXAMPLE_KEY =
  'MIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8AMIIBCgKCAQEAx2MktxcKBEqdYRi2IgYcupPQIN5cxgiB' +
  'L5udCCBJBNBbXPaquOE1qspfhB1KUzHXATnCONiSzubLcBTnwi2tz0ErRCeJZSERRCpbKx4eu6b1' +
  'neUTWkga7xpZxWONEvkmZo5Nlhf4fXRPUYnO/bdGCNGpQ/HSJfWLtzmhCqO1aJwVhcDmDMYz4bTk' +
  'ZavhFBdVyXf/8n7UKylk03eymlKJ1swQpeFcxaKfzsk1mJU7mc93mCWjaR+VWkNbw4AQHDyHgbzH' +
  '+zYARzCluiy5hXdixGEP+iO4ZBk48rEs1hKTvGz1k+jhLCdkdpBRjq0pK/htjA3Ce8pF2AJs+fgN' +
  '6ZUumQIDAQAB'
