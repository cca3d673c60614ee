import {
  constants,
  createHash,
  createPublicKey,
  generateKeyPairSync,
  sign,
  type KeyObject,
} from 'node:crypto'
import { readFileSync } from 'node:fs'
import { describe, expect, it, vi } from 'vitest'
import type { WebhookErrorCode, WebhooksOptions } from '../src/index.ts'
import {
  bytesOf,
  chargeSucceeded,
  deliveryOf,
  envelopeSent,
  openListener,
  PINGPP,
  SIGNATURE,
  signatureOf,
  type Content,
  type Opened,
  type Unusual,
} from './signed.ts'

const OTHER = generateKeyPairSync('rsa', { modulusLength: 2048 })
const BIG = generateKeyPairSync('rsa', { modulusLength: 3072 })

// About 300 bytes, so that every bit of it can be flipped.
const BODY = bytesOf(
  '{"id":"evt_dS28Kn8qsUCBZYTgSUxCPnKA","created":1707523200,"livemode":true,"type":"red_envelope.sent","data":{"object":{"id":"red_04er10TuvT4OCyLO08aLOqbD","object":"red_envelope","status":"sent","app":"app_1Gqj58ynP0mHeX1q","amount":100,"subject":"新年红包","body":"恭喜发财"}},"object":"event","request":null}',
)
const GOOD = signatureOf(BODY)

describe('a delivery that Ping++ signed', () => {
  it('is applied, and answered 200', async () => {
    const opened = openListener()
    const reply = await opened.deliver(BODY)
    expect(reply).toMatchObject({ outcome: 'handled', status: 200, body: '{"outcome":"handled"}' })
    expect(opened.seen).toStrictEqual([JSON.parse(BODY.toString())])
    expect(opened.applied).toEqual([
      'app_1Gqj58ynP0mHeX1q:live:red_envelope.sent:red_04er10TuvT4OCyLO08aLOqbD',
    ])
  })

  it('is verified as received, with whitespace after the JSON [A4]', async () => {
    await expectApplied(`${BODY.toString()}\r\n \n`)
  })

  it('may have whitespace around its signature, which HTTP does not count [B8]', async () => {
    await expectApplied(BODY, { signature: ` ${GOOD}\t` })
  })

  it('is found in a lower-case header, as HTTP/2 and Node write it [B22]', async () => {
    const asked: string[] = []
    const opened = openListener()
    const delivery = deliveryOf(BODY)
    await opened.webhooks.handle({
      ...delivery,
      header(name) {
        asked.push(name)
        return delivery.header(name)
      },
    })
    expect(asked).toContain('x-pingplusplus-signature')
    expect(opened.seen).toHaveLength(1)
  })

  it('may come with a signature of a few bytes below the modulus, padded with zeros [B10]', async () => {
    const [content, signature] = bodyWhoseSignature((bytes) => bytes[0] === 0)
    expect(signature.byteLength).toBe(256)
    await expectApplied(content, { signature: signature.toString('base64') })
  })
})

describe('a delivery without a signature', () => {
  it.each([
    ['missing [B1]', null],
    ['empty [B2]', ''],
    ['nothing but spaces [S1]', '   \t '],
  ])('is unsigned when the header is %s', async (_, signature) => {
    await expectRefusal(BODY, { signature }, 'signature-missing')
  })

  it('is refused before its body is read [S1]', async () => {
    const body = vi.fn<() => Promise<Uint8Array>>()
    const opened = openListener()
    const reply = await opened.webhooks.handle({
      ...deliveryOf(BODY, { signature: null }),
      body,
    })
    expect(reply.status).toBe(401)
    expect(body).not.toHaveBeenCalled()
  })

  it('stays unsigned when the signature is in the body [B21]', async () => {
    const content = { ...envelopeSent(), sign: GOOD, [SIGNATURE]: GOOD }
    await expectRefusal(content, { signature: null }, 'signature-missing')
  })

  it('stays unsigned when the name has underscores, which is another header [B22]', async () => {
    const headers = { x_pingplusplus_signature: GOOD, 'x-pingplusplus_signature': GOOD }
    await expectRefusal(BODY, { signature: null, headers }, 'signature-missing')
  })
})

describe('a signature in another format than signers write', () => {
  const bytes = Buffer.from(GOOD, 'base64')
  const [urlBody, urlSafe] = bodyWhoseSignature((each) => /[+/]/.test(each.toString('base64')))

  it.each<[string, string | readonly string[]]>([
    ['twice, joined by the host [B3]', `${GOOD}, ${GOOD}`],
    ['twice, the same [B3]', [GOOD, GOOD]],
    ['twice, joined without a space [B3]', `${GOOD},${GOOD}`],
    ['twice, the bad one first [B4]', ['A'.repeat(342) + '==', GOOD]],
    ['twice, the good one first [B4]', [GOOD, 'A'.repeat(342) + '==']],
    ['a list of one [B5]', [GOOD]],
    ['an empty list [B5]', []],
    ['without its padding [B7]', GOOD.slice(0, -2)],
    ['with half of its padding [B7]', GOOD.slice(0, -1)],
    ['with too much padding [B7]', `${GOOD}==`],
    ['with a space inside [B8]', `${GOOD.slice(0, 64)} ${GOOD.slice(64)}`],
    ['with a space for a character [B8]', `${GOOD.slice(0, 64)} ${GOOD.slice(65)}`],
    ['with a tab inside [B8]', `${GOOD.slice(0, 64)}\t${GOOD.slice(64)}`],
    ['in lines of 64, as openssl prints it [B8]', GOOD.replaceAll(/.{64}/g, '$&\n')],
    ['with *%$ inside [B8]', `${GOOD.slice(0, 64)}*%$${GOOD.slice(64)}`],
    ['with * for a character [B8]', `${GOOD.slice(0, 64)}*${GOOD.slice(65)}`],
    ['with garbage after the padding [B8]', `${GOOD}AAAA`],
    ['with padding inside [B8]', `${GOOD.slice(0, 170)}==${GOOD.slice(172)}`],
    ['in hexadecimal [B11]', bytes.toString('hex')],
    ['in the Latin-1 text of its bytes [S1]', bytes.toString('latin1')],
    ['with a NUL [S1]', `${GOOD.slice(0, -3)}\0==`],
    ['not in ASCII [S1]', '红'.repeat(344)],
    ['10 kB long [S1]', 'A'.repeat(10_240)],
    ['20 kB long [B12]', 'A'.repeat(20_480)],
    ['truncated [S2]', GOOD.slice(0, 172)],
    ['doubled [S2]', GOOD + GOOD],
    ['of no bytes but padding [B10]', '===='],
    ['of 1 byte [B10]', Buffer.of(7).toString('base64')],
    ['of 255 bytes [B10]', bytes.subarray(1).toString('base64')],
    ['of 128 bytes [B10]', bytes.subarray(0, 128).toString('base64')],
    ['of 259 bytes [B10]', Buffer.concat([Buffer.alloc(3), bytes]).toString('base64')],
  ])('is forged: %s', async (_, signature) => {
    await expectRefusal(BODY, { signature }, 'signature-malformed')
  })

  it('is forged: the url-safe alphabet [B6]', async () => {
    const signature = urlSafe.toString('base64').replaceAll('+', '-').replaceAll('/', '_')
    await expectRefusal(urlBody, { signature }, 'signature-malformed')
    await expectApplied(urlBody, { signature: urlSafe.toString('base64') })
  })

  it('is forged: each of the 15 other texts that lenient decoders read as the same bytes [B9]', async () => {
    const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/'
    const last = alphabet.indexOf(GOOD.charAt(341))
    const others = Array.from({ length: 15 }, (_, spare) => {
      const text = `${GOOD.slice(0, 341)}${alphabet.charAt(last + 1 + spare)}==`
      expect(Buffer.from(text, 'base64')).toStrictEqual(bytes)
      return text
    })
    for (const signature of others) {
      await expectRefusal(BODY, { signature }, 'signature-malformed')
    }
  })

  it('is forged: spare bits before a single padding character [B9]', async () => {
    // 2048 bits end in two padding characters, 3072 in none; a 2056-bit key makes 257 bytes, so one.
    const odd = generateKeyPairSync('rsa', { modulusLength: 2056 })
    const good = signatureOf(BODY, odd.privateKey)
    const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/'
    const last = alphabet.indexOf(good.charAt(342))
    const options = { publicKey: odd.publicKey }
    await expectApplied(BODY, { signature: good }, options)
    for (const spare of [1, 2, 3]) {
      const signature = `${good.slice(0, 342)}${alphabet.charAt(last + spare)}=`
      expect(Buffer.from(signature, 'base64')).toStrictEqual(Buffer.from(good, 'base64'))
      await expectRefusal(BODY, { signature }, 'signature-malformed', options)
    }
  })

  it.each([
    ['257 bytes: a zero and the good one [B10]', Buffer.concat([Buffer.alloc(1), bytes])],
    ['257 bytes: the good one and a zero [B10]', Buffer.concat([bytes, Buffer.alloc(1)])],
    ['258 bytes: two zeros and the good one [B10]', Buffer.concat([Buffer.alloc(2), bytes])],
    ['all zero [S2]', Buffer.alloc(256)],
    ['all ones [S2]', Buffer.alloc(256, 0xff)],
    ['with its bytes reversed [S2]', Buffer.from(bytes.toReversed())],
  ])('is forged although its text has the right length: %s', async (_, each) => {
    const signature = each.toString('base64')
    await expectRefusal(BODY, { signature }, 'signature-mismatch')
  })
})

describe('a signature over other content', () => {
  it.each<[string, () => Buffer]>([
    ['by another RSA key [B14]', () => sign('RSA-SHA256', BODY, OTHER.privateKey)],
    ['with SHA-1 [B15]', () => sign('RSA-SHA1', BODY, PINGPP.privateKey)],
    ['with MD5 [B15]', () => sign('RSA-MD5', BODY, PINGPP.privateKey)],
    ['with SHA-224 [B15]', () => sign('RSA-SHA224', BODY, PINGPP.privateKey)],
    ['with SHA-512 [B15]', () => sign('RSA-SHA512', BODY, PINGPP.privateKey)],
    ['with SHA-512/256 [B15]', () => sign('RSA-SHA512/256', BODY, PINGPP.privateKey)],
    ['with SHA3-256 [B15]', () => sign('RSA-SHA3-256', BODY, PINGPP.privateKey)],
    ['with PSS padding [B16]', () => sign('sha256', BODY, pss(PINGPP.privateKey))],
    [
      'of the digest, hashed twice [B17]',
      () => sign('RSA-SHA256', sha256(BODY), PINGPP.privateKey),
    ],
    [
      'of the digest in hexadecimal [B17]',
      () => sign('RSA-SHA256', hexOf(BODY), PINGPP.privateKey),
    ],
  ])('is forged: %s', async (_, make) => {
    const signature = make().toString('base64')
    await expectRefusal(BODY, { signature }, 'signature-mismatch')
  })

  it('is forged: by an elliptic curve [S5]', async () => {
    const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
    const signature = sign('sha256', BODY, privateKey).toString('base64')
    await expectRefusal(BODY, { signature }, 'signature-malformed')
  })

  it('is forged: of another event, though Ping++ made it [B19]', async () => {
    const signature = signatureOf(chargeSucceeded())
    await expectRefusal(BODY, { signature }, 'signature-mismatch')
  })

  it('is forged: with SHA-1, even if the body names that algorithm [S5]', async () => {
    const content = bytesOf({ ...envelopeSent(), sign_type: 'RSA', alg: 'RS1', algorithm: 'sha1' })
    const signature = sign('RSA-SHA1', content, PINGPP.privateKey).toString('base64')
    const headers = { 'x-pingplusplus-signature-algorithm': 'RSA-SHA1' }
    await expectRefusal(content, { signature, headers }, 'signature-mismatch')
  })
})

describe('a body that is not byte for byte the signed one', () => {
  const text = BODY.toString()
  const value = JSON.parse(text) as Record<string, unknown>

  it.each<[string, Content]>([
    ['a newline added on the way [A5]', `${text}\n`],
    ['pretty-printed [B18]', JSON.stringify(value, null, 2)],
    ['its members in another order [S3]', Object.fromEntries(Object.entries(value).toReversed())],
    ['100 written as 100.0 [S3]', text.replace('"amount":100', '"amount":100.0')],
    ['a byte order mark added [S3]', `\uFEFF${text}`],
    ['line ends added [S3]', text.replaceAll(',', ',\r\n')],
    ['Chinese as \\u escapes [B18]', text.replace('新', '\\u65b0')],
    ['another amount [B20]', text.replace('"amount":100', '"amount":900')],
    ['one byte short [B20]', BODY.subarray(0, -1)],
    ['empty [A1]', ''],
  ])('is forged: %s', async (_, content) => {
    await expectRefusal(content, { signature: GOOD }, 'signature-mismatch')
  })

  it('is forged: text in another encoding that JSON.parse reads alike [A8]', async () => {
    const content = Buffer.from(text, 'utf16le')
    await expectRefusal(content, { signature: GOOD }, 'signature-mismatch')
  })

  it('is refused if an adapter passes text instead of bytes: the signed bytes are lost [A8]', async () => {
    const opened = openListener()
    const reply = await opened.webhooks.handle({
      ...deliveryOf(BODY),
      body: () => Promise.resolve(text as unknown as Uint8Array),
    })
    expect(reply).toMatchObject({ outcome: 'failed', code: 'internal-error', status: 500 })
    expect(opened.reports).toMatchObject([{ code: 'internal-error' }])
    expect(opened.admitted).toEqual([])
  })
})

describe('one flipped bit', () => {
  it('in the signature is forged, each of the 2,048 [B20]', async () => {
    const opened = openListener({ logger: false })
    const flipped = everyFlip(Buffer.from(GOOD, 'base64'))
    expect(flipped).toHaveLength(2048)
    for (const bytes of flipped) {
      const reply = await opened.deliver(BODY, { signature: bytes.toString('base64') })
      expect(reply).toMatchObject({ outcome: 'rejected', code: 'signature-mismatch' })
    }
    expect(opened.admitted).toEqual([])
  })

  it('in the body is forged, each of its bits [B20]', async () => {
    const opened = openListener({ logger: false })
    const flipped = everyFlip(BODY)
    expect(flipped).toHaveLength(BODY.byteLength * 8)
    expect(BODY.byteLength).toBeGreaterThan(280)
    for (const body of flipped) {
      const reply = await opened.deliver(body, { signature: GOOD })
      expect(reply).toMatchObject({ outcome: 'rejected', code: 'signature-mismatch' })
    }
    expect(opened.admitted).toEqual([])
  })
})

describe('a forger', () => {
  it('learns nothing about the JSON that was sent: the answer is the same [B30]', async () => {
    const opened = openListener()
    const signature = signatureOf('something else')
    const contents = [BODY, '{', '', 'null', envelopeSent({ created: 1 }), envelopeSent({ id: 5 })]
    const replies = await Promise.all(contents.map((each) => opened.deliver(each, { signature })))
    expect(new Set(replies.map((reply) => JSON.stringify(reply))).size).toBe(1)
    expect(replies[0]).toMatchObject({
      status: 401,
      body: '{"outcome":"rejected","code":"signature-mismatch"}',
    })
  })

  it('reaches no inbox, and fills no log, with any number of requests [B29]', async () => {
    const opened = openListener()
    for (let count = 0; count < 1000; count += 1) {
      const reply = await opened.deliver(`{"id":"evt_${count}"}`, { signature: GOOD })
      expect(reply).toMatchObject({ outcome: 'rejected', code: 'signature-mismatch' })
    }
    expect(opened.admitted).toEqual([])
    expect(opened.lines).toHaveLength(1)
  })
})

describe('several keys', () => {
  const both = { publicKey: [OTHER.publicKey, PINGPP.publicKey] }

  it.each([
    ['the old one', OTHER],
    ['the new one', PINGPP],
  ])('accept a signature of %s, and name the key [C17]', async (_, { publicKey, privateKey }) => {
    const opened = openListener(both)
    const fingerprints: (string | undefined)[] = []
    opened.webhooks.on('*', (_event, context) => void fingerprints.push(context.keyFingerprint))
    const reply = await opened.deliver(BODY, { signature: signatureOf(BODY, privateKey) })
    expect(reply.outcome).toBe('handled')
    expect(fingerprints).toEqual([fingerprintOf(publicKey)])
    expect(opened.reports).toMatchObject([{ keyFingerprint: fingerprintOf(publicKey) }])
  })

  it('of different lengths accept the signature of each [C17]', async () => {
    const options = { publicKey: [BIG.publicKey, PINGPP.publicKey] }
    await expectApplied(BODY, { signature: signatureOf(BODY, BIG.privateKey) }, options)
    await expectApplied(BODY, { signature: GOOD }, options)
  })

  it('refuse a signature of another key [C17]', async () => {
    const stranger = generateKeyPairSync('rsa', { modulusLength: 2048 })
    const signature = signatureOf(BODY, stranger.privateKey)
    await expectRefusal(BODY, { signature }, 'signature-mismatch', both)
  })
})

describe("the event and signature in the examples of Ping++'s SDK", () => {
  const folder = new URL('../../../test/node_modules/pingpp/example/', import.meta.url)
  const source = readFileSync(new URL('webhooks_verify.js', folder), 'utf8')
  const body = /raw_data = '(.+)';/.exec(source)?.[1] ?? ''
  const signature = /signature = '(.+)';/.exec(source)?.[1] ?? ''
  const publicKey = readFileSync(new URL('pingpp_rsa_public_key.pem', folder), 'utf8')

  it('are verified, on the day they were made [B23]', async () => {
    const opened = openListener({ publicKey, allowPublishedKeys: true, now })
    const reply = await opened.deliver(body, { signature })
    expect(reply).toMatchObject({ outcome: 'handled', status: 200 })
    expect(opened.seen).toMatchObject([{ id: 'evt_eYa58Wd44Glerl8AgfYfd1sL', created: 1434368075 }])
    expect(opened.applied).toEqual(['app_vcPcqDeS88ixrPlu:live:evt_eYa58Wd44Glerl8AgfYfd1sL'])
  })

  it('are stale today, and of another app [B23]', async () => {
    const today = openListener({ publicKey, allowPublishedKeys: true })
    expect(await today.deliver(body, { signature })).toMatchObject({
      outcome: 'rejected',
      code: 'event-too-old',
      status: 403,
    })
    const app = 'app_1Gqj58ynP0mHeX1q'
    const other = openListener({ publicKey, allowPublishedKeys: true, app })
    expect(await other.deliver(body, { signature })).toMatchObject({
      outcome: 'rejected',
      code: 'app-mismatch',
      status: 403,
    })
    expect([...today.admitted, ...other.admitted]).toEqual([])
  })

  it('are forged when one amount is changed [B20]', async () => {
    const changed = body.replace('"amount":100', '"amount":200')
    expect(changed).not.toBe(body)
    const options = { publicKey, allowPublishedKeys: true, now }
    await expectRefusal(changed, { signature }, 'signature-mismatch', options)
  })
})

function now(): number {
  return Date.UTC(2015, 5, 15, 12)
}

async function expectApplied(
  content: Content,
  unusual: Unusual = {},
  options: Partial<WebhooksOptions> = {},
): Promise<void> {
  const opened = openListener(options)
  const reply = await opened.deliver(content, unusual)
  expect(reply).toMatchObject({ outcome: 'handled', status: 200 })
  expect(opened.seen).toHaveLength(1)
  expect(opened.applied).toHaveLength(1)
}

/** Refused means: 401 with outcome and code, no handler, no call of the inbox, one report. */
async function expectRefusal(
  content: Content,
  unusual: Unusual,
  code: WebhookErrorCode,
  options: Partial<WebhooksOptions> = {},
): Promise<Opened> {
  const opened = openListener(options)
  const reply = await opened.deliver(content, unusual)
  const body = `{"outcome":"rejected","code":"${code}"}`
  expect(reply).toMatchObject({ outcome: 'rejected', code, status: 401, body })
  expect(opened.seen).toEqual([])
  expect(opened.admitted).toEqual([])
  const outcome = 'rejected'
  expect(opened.reports).toMatchObject([{ outcome, code, status: 401, keyFingerprint: undefined }])
  return opened
}

/** A body and its signature, the first whose signature is as wanted. */
function bodyWhoseSignature(isWanted: (signature: Buffer) => boolean): [string, Buffer] {
  for (let count = 0; count < 20_000; count += 1) {
    const content = JSON.stringify(envelopeSent({ pending_webhooks: count }))
    const signature = sign('RSA-SHA256', Buffer.from(content), PINGPP.privateKey)
    if (isWanted(signature)) return [content, signature]
  }
  throw new Error('no signature of 20,000 is as wanted')
}

function everyFlip(bytes: Buffer): Buffer[] {
  return Array.from({ length: bytes.byteLength * 8 }, (_, bit) => {
    const flipped = Buffer.from(bytes)
    flipped[bit >> 3] = (flipped[bit >> 3] ?? 0) ^ (1 << (bit & 7))
    return flipped
  })
}

function pss(key: KeyObject): { key: KeyObject; padding: number; saltLength: number } {
  return { key, padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: 32 }
}

function sha256(bytes: Uint8Array): Buffer {
  return createHash('sha256').update(bytes).digest()
}

function hexOf(bytes: Uint8Array): Buffer {
  return Buffer.from(sha256(bytes).toString('hex'))
}

function fingerprintOf(key: KeyObject): string {
  const spki = createPublicKey(key.export({ type: 'spki', format: 'pem' })).export({
    type: 'spki',
    format: 'der',
  })
  return createHash('sha256').update(spki).digest('hex')
}
