import {
  constants,
  createHash,
  generateKeyPairSync,
  privateDecrypt,
  sign,
  type KeyObject,
} from 'node:crypto'
import { describe, expect, it } from 'vitest'
import { bytesOf, envelopeSent, openListener } from './signed.ts'

// Negative vectors for PKCS#1 v1.5 with SHA-256 in the manner of Project Wycheproof, made here on
// keys of our own: the private key signs any block that a vector needs, so every vector is a
// true RSA signature of a block that is wrong in one way. A verifier that parses blocks instead of
// comparing them accepts some (Bleichenbacher 2006, CVE-2006-4339, BERserk CVE-2014-1568).

const BODY = bytesOf(envelopeSent())
const DIGEST = createHash('sha256').update(BODY).digest()

// RFC 8017, section 9.2, note 1.
const ALGORITHM = hex('300d06096086480165030402010500')
const DIGEST_INFO = Buffer.concat([hex('3031'), ALGORITHM, hex('0420'), DIGEST])

const KEYS = [2048, 3072, 4096].flatMap((modulusLength) => [
  createKey(modulusLength, 65_537),
  createKey(modulusLength, 3),
])

describe.each(KEYS)('a signature by an RSA key of $bits bits with exponent $exponent', (key) => {
  const good = signBlock(key, block(key, DIGEST_INFO))

  it('is accepted if its block is the one that PKCS#1 v1.5 defines [S6]', async () => {
    expect(good).toStrictEqual(sign('RSA-SHA256', BODY, key.privateKey))
    expect(await outcomeOf(key, good)).toBe('handled')
  })

  it.each(wrongBlocks(key))('is forged when its block has %s [S6]', async (_, wrong) => {
    expect(wrong).not.toStrictEqual(block(key, DIGEST_INFO))
    expect(wrong.byteLength).toBe(key.bytes)
    const signature = signBlock(key, wrong)
    expect(blockOf(key, signature)).toStrictEqual(wrong)
    expect(await outcomeOf(key, signature)).toBe('rejected')
  })

  it.each(wrongNumbers(key))('is forged when it is %s [B10] [S6]', async (_, number) => {
    expect(await outcomeOf(key, toBytes(number, key.bytes))).toBe('rejected')
  })

  it('is forged when the modulus is added to it, in as many bytes [S6]', async () => {
    const signed = bodyWhoseSignature(key, (each) => each + key.n < 1n << BigInt(key.bits))
    const signature = toBytes(signed.number + key.n, key.bytes)
    expect(toNumber(signature) % key.n).toBe(signed.number)
    expect(await outcomeOf(key, signature, signed.body)).toBe('rejected')
    expect(await outcomeOf(key, toBytes(signed.number, key.bytes), signed.body)).toBe('handled')
  })

  it('is forged when the modulus is added to it, in one byte more [S6]', async () => {
    const signature = toBytes(toNumber(good) + key.n, key.bytes + 1)
    expect(await outcomeOf(key, signature)).toBe('rejected')
  })

  it.each([
    ['a zero before it', Buffer.concat([Buffer.alloc(1), good])],
    ['a zero after it', Buffer.concat([good, Buffer.alloc(1)])],
    ['its last byte missing', good.subarray(0, -1)],
    ['its bytes reversed', reversed(good)],
  ])('is forged when it has %s [B10] [S6]', async (_, signature) => {
    expect(await outcomeOf(key, signature)).toBe('rejected')
  })

  it('is forged when its leading zero is left out [B10] [S6]', async () => {
    const signed = bodyWhoseSignature(key, (each) => each < 1n << BigInt(key.bits - 8))
    const padded = toBytes(signed.number, key.bytes)
    expect(padded[0]).toBe(0)
    expect(await outcomeOf(key, padded.subarray(1), signed.body)).toBe('rejected')
    expect(await outcomeOf(key, padded, signed.body)).toBe('handled')
  })

  it.each([0, 20, 32, 'max'] as const)(
    'is forged when it is padded by PSS with a salt of %s [B16] [S6]',
    async (salt) => {
      const saltLength = salt === 'max' ? constants.RSA_PSS_SALTLEN_MAX_SIGN : salt
      const padding = constants.RSA_PKCS1_PSS_PADDING
      const options = { key: key.privateKey, padding, saltLength }
      expect(await outcomeOf(key, sign('sha256', BODY, options))).toBe('rejected')
    },
  )
})

describe.each(KEYS.filter((key) => key.exponent === 3))(
  'a forgery of $bits bits made without the private key, which exponent 3 invites',
  (key) => {
    it('is forged: a cube that begins like the block, followed by garbage [S6]', async () => {
      const start = Buffer.concat([hex('0001ffffffffffffffff00'), DIGEST_INFO])
      const low = toNumber(start) << BigInt((key.bytes - start.byteLength) * 8)
      const root = cubeRoot(low) + 1n
      const cube = toBytes(root ** 3n, key.bytes)
      expect(cube.subarray(0, start.byteLength)).toStrictEqual(start)
      expect(await outcomeOf(key, toBytes(root, key.bytes))).toBe('rejected')
    })

    it('is forged: a cube that ends as the block does, garbage in its padding [S6]', async () => {
      // A cube can end as one likes when the end is odd, so take a body whose digest is odd.
      const body = bodyWithOddDigest()
      const digest = createHash('sha256').update(body).digest()
      const end = Buffer.concat([hex('002331'), ALGORITHM, hex('0420'), digest])
      const start = hex('0001ffffffffffffffff')
      const endBits = BigInt(end.byteLength * 8)
      const high = cubeRoot(toNumber(start) << BigInt((key.bytes - start.byteLength) * 8)) + 1n
      const root = (((high >> endBits) + 1n) << endBits) + cubeRootModulo(toNumber(end), endBits)
      const cube = toBytes(root ** 3n, key.bytes)
      expect(cube.subarray(0, start.byteLength)).toStrictEqual(start)
      expect(cube.subarray(-end.byteLength)).toStrictEqual(end)
      expect(await outcomeOf(key, toBytes(root, key.bytes), body)).toBe('rejected')
    })

    it('is forged: the cube root of the right block, rounded [S6]', async () => {
      const root = cubeRoot(toNumber(block(key, DIGEST_INFO)))
      expect(await outcomeOf(key, toBytes(root, key.bytes))).toBe('rejected')
      expect(await outcomeOf(key, toBytes(root + 1n, key.bytes))).toBe('rejected')
    })
  },
)

/** Blocks as long as the modulus, each with the flaw that its name states. */
function wrongBlocks(key: Key): [string, Buffer][] {
  const right = block(key, DIGEST_INFO)
  const padding = key.bytes - 3 - DIGEST_INFO.byteLength
  const separator = 2 + padding
  const other = createHash('sha256').update('another body').digest()
  const info = (algorithm: string, digest: Buffer = DIGEST): Buffer =>
    sequence(Buffer.concat([hex(algorithm), octets(digest)]))
  const hashed = (name: string): Buffer => createHash(name).update(BODY).digest()

  return [
    ['block type 0', withByte(right, 1, 0x00)],
    ['block type 0 and padding of zeros', block(key, DIGEST_INFO, { type: 0, fill: 0 })],
    ['block type 2', withByte(right, 1, 0x02)],
    ['block type 3', withByte(right, 1, 0x03)],
    ['block type 255', withByte(right, 1, 0xff)],
    ['a first byte of 1', withByte(right, 0, 0x01)],
    ['padding that begins with 00', withByte(right, 2, 0x00)],
    ['padding that begins with fe', withByte(right, 2, 0xfe)],
    ['padding with 00 in the middle', withByte(right, 2 + (padding >> 1), 0x00)],
    ['padding with 7f in the middle', withByte(right, 2 + (padding >> 1), 0x7f)],
    ['padding that ends with 00', withByte(right, separator - 1, 0x00)],
    ['padding that ends with fe', withByte(right, separator - 1, 0xfe)],
    ['padding of a5', block(key, DIGEST_INFO, { fill: 0xa5 })],
    ['separator 01', withByte(right, separator, 0x01)],
    ['separator ff', withByte(right, separator, 0xff)],
    ['no separator', Buffer.concat([hex('0001'), ones(padding + 1), DIGEST_INFO])],
    ['two separators', block(key, Buffer.concat([hex('00'), DIGEST_INFO]))],
    ['no padding, zeros in front', padStart(Buffer.concat([hex('0100'), DIGEST_INFO]), key.bytes)],
    ['padding one byte short, followed by 00', trailing(key, DIGEST_INFO, hex('00'))],
    ['padding one byte short, followed by ff', trailing(key, DIGEST_INFO, hex('ff'))],
    ['8 bytes of padding, zeros behind', shortPadding(key, 8, 0x00)],
    ['8 bytes of padding, followed by garbage', shortPadding(key, 8, 0x5a)],
    ['7 bytes of padding, followed by garbage', shortPadding(key, 7, 0x5a)],
    ['1 byte of padding, followed by garbage', shortPadding(key, 1, 0x5a)],
    ['no padding, followed by garbage', shortPadding(key, 0, 0x5a)],
    ['the digest twice', block(key, Buffer.concat([DIGEST_INFO, DIGEST]))],
    ['the DigestInfo twice', block(key, Buffer.concat([DIGEST_INFO, DIGEST_INFO]))],
    ['only the digest', block(key, DIGEST)],
    ['the body and no digest', block(key, BODY.subarray(0, 100))],
    ['nothing after the separator', block(key, Buffer.alloc(0))],
    ['a DigestInfo without a digest', block(key, sequence(ALGORITHM))],
    ['an empty digest', block(key, info('300d06096086480165030402010500', Buffer.alloc(0)))],
    ['the digest of another body', block(key, info(ALGORITHM.toString('hex'), other))],
    ['a digest with one flipped bit', withByte(right, key.bytes - 1, (right.at(-1) ?? 0) ^ 1)],
    ['a reversed digest', block(key, info(ALGORITHM.toString('hex'), reversed(DIGEST)))],
    ['the digest of the digest', block(key, info(ALGORITHM.toString('hex'), hash(DIGEST)))],
    ['31 bytes of the digest', block(key, info(ALGORITHM.toString('hex'), DIGEST.subarray(0, 31)))],
    ['33 bytes of a digest', block(key, info(ALGORITHM.toString('hex'), withZero(DIGEST)))],
    ['no parameters (NULL left out)', block(key, info('300b0609608648016503040201'))],
    ['parameters 05 81 00', block(key, info('300e0609608648016503040201058100'))],
    ['parameters 05 01 00', block(key, info('300e0609608648016503040201050100'))],
    ['parameters 04 00', block(key, info('300d06096086480165030402010400'))],
    ['parameters 0c 00', block(key, info('300d06096086480165030402010c00'))],
    ['parameters 30 00', block(key, info('300d06096086480165030402013000'))],
    ['parameters 02 01 00', block(key, info('300e0609608648016503040201020100'))],
    ['parameters NULL NULL', block(key, info('300f060960864801650304020105000500'))],
    ['garbage in long parameters', block(key, longParameters(key))],
    ['the OID of SHA-1', block(key, info('300906052b0e03021a0500'))],
    [
      'the OID of SHA-1, and its digest',
      block(key, info('300906052b0e03021a0500', hashed('sha1'))),
    ],
    ['the OID of MD5', block(key, info('300c06082a864886f70d02050500'))],
    ['the OID of SHA-224', block(key, info('300d06096086480165030402040500'))],
    ['the OID of SHA-384', block(key, info('300d06096086480165030402020500'))],
    ['the OID of SHA-512', block(key, info('300d06096086480165030402030500'))],
    [
      'SHA-512 and its digest',
      block(key, info('300d06096086480165030402030500', hashed('sha512'))),
    ],
    ['the OID of SHA-512/256', block(key, info('300d06096086480165030402060500'))],
    ['the OID of SHA3-256', block(key, info('300d06096086480165030402080500'))],
    ['the OID of SHA-256 with RSA', block(key, info('300d06092a864886f70d01010b0500'))],
    ['an OID padded with 80', block(key, info('300e060a806086480165030402010500'))],
    ['an OID one arc long', block(key, info('300e060a608648016503040201010500'))],
    ['an OID one arc short', block(key, info('300c060860864801650304020500'))],
    ['an OID without bytes', block(key, info('300406000500'))],
    ['a relative OID', block(key, info('300d0d096086480165030402010500'))],
    ['outer length 81 31', block(key, withPart(DIGEST_INFO, 0, 2, '308131'))],
    ['outer length 82 00 31', block(key, withPart(DIGEST_INFO, 0, 2, '30820031'))],
    ['outer length 84 00 00 00 31', block(key, withPart(DIGEST_INFO, 0, 2, '308400000031'))],
    ['outer length one too many', block(key, withPart(DIGEST_INFO, 0, 2, '3032'))],
    ['outer length one too few', block(key, withPart(DIGEST_INFO, 0, 2, '3030'))],
    ['outer length 0', block(key, withPart(DIGEST_INFO, 0, 2, '3000'))],
    [
      'indefinite outer length',
      block(key, Buffer.concat([hex('3080'), DIGEST_INFO.subarray(2), hex('0000')])),
    ],
    ['algorithm length 81 0d', block(key, info('30810d06096086480165030402010500'))],
    ['indefinite algorithm length', block(key, info('3080060960864801650304020105000000'))],
    ['OID length 81 09', block(key, info('300e0681096086480165030402010500'))],
    [
      'digest length 81 20',
      block(key, sequence(Buffer.concat([ALGORITHM, hex('048120'), DIGEST]))),
    ],
    [
      'digest length 82 00 20',
      block(key, sequence(Buffer.concat([ALGORITHM, hex('04820020'), DIGEST]))),
    ],
    ['digest length 1f', block(key, sequence(Buffer.concat([ALGORITHM, hex('041f'), DIGEST])))],
    ['digest length 21', block(key, sequence(Buffer.concat([ALGORITHM, hex('0421'), DIGEST])))],
    [
      'digest length ffffffff',
      block(key, sequence(Buffer.concat([ALGORITHM, hex('0484ffffffff'), DIGEST]))),
    ],
    [
      'the digest as a constructed string',
      block(key, sequence(Buffer.concat([ALGORITHM, hex('24220420'), DIGEST]))),
    ],
    [
      'the digest as a bit string',
      block(key, sequence(Buffer.concat([ALGORITHM, hex('032100'), DIGEST]))),
    ],
    [
      'the digest as an integer',
      block(key, sequence(Buffer.concat([ALGORITHM, hex('0220'), DIGEST]))),
    ],
    ['a SET for the outer sequence', block(key, withPart(DIGEST_INFO, 0, 1, '31'))],
    ['a SET for the algorithm', block(key, info('310d06096086480165030402010500'))],
    [
      'digest and algorithm swapped',
      block(key, sequence(Buffer.concat([octets(DIGEST), ALGORITHM]))),
    ],
    [
      'one element more inside',
      block(key, sequence(Buffer.concat([ALGORITHM, octets(DIGEST), hex('0500')]))),
    ],
    ['a sequence around the DigestInfo', block(key, sequence(DIGEST_INFO))],
    ['no DigestInfo around its parts', block(key, DIGEST_INFO.subarray(2))],
  ]
}

function wrongNumbers(key: Key): [string, bigint][] {
  const good = toNumber(signBlock(key, block(key, DIGEST_INFO)))
  return [
    ['0', 0n],
    ['1', 1n],
    ['2', 2n],
    ['the modulus', key.n],
    ['the modulus less one', key.n - 1n],
    ['the modulus plus one', key.n + 1n],
    ['the largest number of its bytes', (1n << BigInt(key.bits)) - 1n],
    ['its own negative', key.n - good],
    ['one more', (good + 1n) % key.n],
    ['twice itself', (good * 2n) % key.n],
    ['its square', (good * good) % key.n],
    ['the block itself, never raised', toNumber(block(key, DIGEST_INFO))],
  ]
}

interface Key {
  readonly publicKey: KeyObject
  readonly privateKey: KeyObject
  readonly n: bigint
  readonly bits: number
  readonly bytes: number
  readonly exponent: number
}

function createKey(bits: number, exponent: number): Key {
  const pair = generateKeyPairSync('rsa', { modulusLength: bits, publicExponent: exponent })
  const { n = '' } = pair.publicKey.export({ format: 'jwk' })
  return { ...pair, n: toNumber(Buffer.from(n, 'base64url')), bits, bytes: bits / 8, exponent }
}

async function outcomeOf(key: Key, signature: Buffer, body: Buffer = BODY): Promise<string> {
  const opened = openListener({ publicKey: key.publicKey, logger: false })
  const reply = await opened.deliver(body, { signature: signature.toString('base64') })
  expect(opened.seen).toHaveLength(reply.outcome === 'handled' ? 1 : 0)
  expect(opened.admitted).toHaveLength(reply.outcome === 'handled' ? 1 : 0)
  expect('code' in reply ? reply.code : reply.outcome).toMatch(/^(?:handled|signature-m\w+)$/)
  return reply.outcome
}

/** RSA with the private key on a whole block: no padding is added. */
function signBlock({ privateKey: key }: Key, whole: Buffer): Buffer {
  return privateDecrypt({ key, padding: constants.RSA_NO_PADDING }, whole)
}

/** RSA with the public key, by arithmetic: what a verifier gets to see. */
function blockOf({ n, bytes, exponent }: Key, signature: Buffer): Buffer {
  const number = toNumber(signature)
  let square = number
  let power = 1n
  for (let rest = exponent; rest > 0; rest >>= 1) {
    if (rest & 1) power = (power * square) % n
    square = (square * square) % n
  }
  return toBytes(power, bytes)
}

/** EMSA-PKCS1-v1_5 (RFC 8017, section 9.2) around any content. */
function block(key: Key, content: Buffer, { type = 1, fill = 0xff } = {}): Buffer {
  const padding = Buffer.alloc(key.bytes - 3 - content.byteLength, fill)
  return Buffer.concat([Buffer.of(0, type), padding, Buffer.of(0), content])
}

function trailing(key: Key, content: Buffer, behind: Buffer): Buffer {
  return block(key, Buffer.concat([content, behind]))
}

function shortPadding(key: Key, length: number, garbage: number): Buffer {
  const start = Buffer.concat([hex('0001'), ones(length), hex('00'), DIGEST_INFO])
  return Buffer.concat([start, Buffer.alloc(key.bytes - start.byteLength, garbage)])
}

/** All of the room for padding but 8 bytes in the parameters of the algorithm (BERserk). */
function longParameters(key: Key): Buffer {
  const oid = hex('0609608648016503040201')
  const room = key.bytes - 11 - DIGEST_INFO.byteLength - 16
  const parameters = Buffer.concat([hex('0482'), uint16(room), Buffer.alloc(room, 0x5a)])
  const algorithm = Buffer.concat([oid, parameters])
  const inside = Buffer.concat([
    hex('3082'),
    uint16(algorithm.byteLength),
    algorithm,
    octets(DIGEST),
  ])
  return Buffer.concat([hex('3082'), uint16(inside.byteLength), inside])
}

function bodyWhoseSignature(
  key: Key,
  isWanted: (signature: bigint) => boolean,
): { readonly body: Buffer; readonly number: bigint } {
  for (let count = 0; count < 10_000; count += 1) {
    const body = bytesOf(envelopeSent({ pending_webhooks: count }))
    const number = toNumber(sign('RSA-SHA256', body, key.privateKey))
    if (isWanted(number)) return { body, number }
  }
  throw new Error('no signature of 10,000 is as wanted')
}

function bodyWithOddDigest(): Buffer {
  for (let count = 0; ; count += 1) {
    const body = bytesOf(envelopeSent({ pending_webhooks: count }))
    const digest = createHash('sha256').update(body).digest()
    if ((digest.at(-1) ?? 0) % 2 === 1) return body
  }
}

/** The largest number whose cube is not above the given one (Newton). */
function cubeRoot(number: bigint): bigint {
  let root = 1n << BigInt(Math.ceil(number.toString(2).length / 3))
  for (;;) {
    const next = (2n * root + number / (root * root)) / 3n
    if (next >= root) return root
    root = next
  }
}

/** The number whose cube ends in the given odd one: one bit more is right after each step. */
function cubeRootModulo(odd: bigint, bits: bigint): bigint {
  let root = 1n
  for (let bit = 1n; bit < bits; bit += 1n) {
    if (((root ** 3n - odd) >> bit) & 1n) root += 1n << bit
  }
  return root
}

function sequence(content: Buffer): Buffer {
  return Buffer.concat([Buffer.of(0x30, content.byteLength), content])
}

function octets(content: Buffer): Buffer {
  return Buffer.concat([Buffer.of(0x04, content.byteLength), content])
}

function withByte(bytes: Buffer, at: number, value: number): Buffer {
  const changed = Buffer.from(bytes)
  changed[at] = value
  return changed
}

function withPart(bytes: Buffer, start: number, end: number, part: string): Buffer {
  return Buffer.concat([bytes.subarray(0, start), hex(part), bytes.subarray(end)])
}

function withZero(bytes: Buffer): Buffer {
  return Buffer.concat([bytes, Buffer.alloc(1)])
}

function padStart(bytes: Buffer, length: number): Buffer {
  return Buffer.concat([Buffer.alloc(length - bytes.byteLength), bytes])
}

function reversed(bytes: Buffer): Buffer {
  return Buffer.from(bytes.toReversed())
}

function hash(bytes: Buffer): Buffer {
  return createHash('sha256').update(bytes).digest()
}

function ones(length: number): Buffer {
  return Buffer.alloc(length, 0xff)
}

function uint16(value: number): Buffer {
  return Buffer.of(value >> 8, value & 0xff)
}

function hex(text: string): Buffer {
  return Buffer.from(text, 'hex')
}

function toNumber(bytes: Buffer): bigint {
  return BigInt(`0x${bytes.toString('hex')}`)
}

function toBytes(number: bigint, length: number): Buffer {
  return hex(number.toString(16).padStart(length * 2, '0'))
}
