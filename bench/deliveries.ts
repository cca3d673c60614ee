import type { WebhookEvent } from '@hongbao/core'
import {
  createPublicKey,
  generateKeyPairSync,
  randomBytes,
  sign,
  type KeyObject,
} from 'node:crypto'

/** A body and its signature, as Ping++ would send them. */
export interface SignedBody {
  readonly body: Buffer
  /** Base64, for the `x-pingplusplus-signature` header. */
  readonly signature: string
}

const PINGPP = generateKeyPairSync('rsa', { modulusLength: 2048 })

/** The key in Ping++'s place, for receivers: PEM. */
export const publicKeyPem: string = PINGPP.publicKey
  .export({ type: 'spki', format: 'pem' })
  .toString()

/** The same key as hand-written receivers would keep it: read once. */
export const publicKey: KeyObject = createPublicKey(publicKeyPem)

/** Distinct events of red envelopes that were sent, each signed. */
export function signDeliveries(
  count: number,
  privateKey: KeyObject = PINGPP.privateKey,
): SignedBody[] {
  return Array.from({ length: count }, () => {
    const body = Buffer.from(JSON.stringify(sentEvent()))
    return { body, signature: sign('RSA-SHA256', body, privateKey).toString('base64') }
  })
}

/** The same, signed with another key: well-formed in every other respect. */
export function forgeDeliveries(count: number): SignedBody[] {
  return signDeliveries(count, generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey)
}

/**
 * The guide's sample of `red_envelope.sent` (step 4), created now, with new ids. The texts are
 * Chinese, as merchants write them, and chosen so that the body has the sample's 685 bytes.
 */
export function sentEvent(): SentEvent {
  const created = Math.floor(Date.now() / 1000)
  return {
    id: `evt_${randomId()}`,
    created,
    livemode: true,
    type: 'red_envelope.sent',
    data: {
      object: {
        id: `red_${randomId()}`,
        object: 'red_envelope',
        created: created - 2,
        received: null,
        livemode: true,
        status: 'sent',
        app: 'app_1Gqj58ynP0mHeX1q',
        channel: 'wx_pub',
        order_no: '123456789',
        transaction_no: '0010037269201603240630694982',
        amount: 100,
        amount_settle: 100,
        currency: 'cny',
        recipient: 'o9zpMs7Xk9e9aJbTXgufovuWGp7c',
        subject: '新年红包',
        body: '发大财',
        description: '春节发红包!',
        failure_msg: null,
        extra: { send_name: '红包店' },
        metadata: {},
      },
    },
    object: 'event',
    pending_webhooks: 0,
    request: 'iar_H0OifTOmTS84Xfj5mT0mvfb1',
  }
}

type SentEvent = WebhookEvent<'red_envelope.sent'>

const ALPHABET = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789'

/** 24 letters and digits, as Ping++'s ids have. */
function randomId(): string {
  return Array.from(randomBytes(24), (byte) => ALPHABET.charAt(byte % ALPHABET.length)).join('')
}
