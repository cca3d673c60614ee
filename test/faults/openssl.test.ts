import { execFile } from 'node:child_process'
import {
  constants,
  createHash,
  generateKeyPairSync,
  privateDecrypt,
  privateEncrypt,
  sign,
  type KeyObject,
} from 'node:crypto'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { createWebhooks } from '@hongbao/core'
import { afterAll, describe, expect, it } from 'vitest'
import { seeded, type Seeded } from '../../packages/core/test/seeded.ts'

// Two judges of the same signatures: ours, and the `openssl` command. A process for each of 10,000
// would take minutes, and `openssl dgst -verify` takes one file. `openssl verify` takes thousands:
// a certificate is a body (its TBSCertificate) with an RSA-SHA256 signature, so each case is wrapped
// into one. A smaller number goes through `openssl dgst` as well, body and signature as they are.

const SEED = Number(process.env['HONGBAO_SEED'] ?? 20_240_210)
const BODIES = 1250
const CASES_OF_A_BODY = 8
const DIGEST_CASES = 240

const run = promisify(execFile)
const FOLDER = mkdtempSync(join(tmpdir(), 'hongbao-openssl-'))
afterAll(() => rmSync(FOLDER, { recursive: true }))

const SIGNERS = [
  createSigner('one', 2048, 65_537),
  createSigner('two', 2048, 3),
  createSigner('three', 3072, 65_537),
]
const STRANGER = generateKeyPairSync('rsa', { modulusLength: 2048 })

describe(`${BODIES * CASES_OF_A_BODY} signatures from seed ${SEED}`, () => {
  it('are judged as `openssl verify` judges them [S17]', async () => {
    const cases = makeCases(seeded(SEED), BODIES, CASES_OF_A_BODY)
    expect(cases).toHaveLength(10_000)
    const theirs = await judgedByOpensslVerify(cases)
    const ours = await judgedByUs(cases)
    expect(disagreements(cases, ours, theirs)).toEqual([])
    expect(verdictsByKind(cases, ours)).toEqual(VERDICTS)
  })
})

describe(`some ${DIGEST_CASES} signatures from seed ${SEED + 1}`, () => {
  it('are judged as `openssl dgst -sha256 -verify` judges them [S17]', async () => {
    const bodies = DIGEST_CASES / CASES_OF_A_BODY
    // The command reads no more bytes of a signature than the key is long, so it cannot see those after it.
    const cases = makeCases(seeded(SEED + 1), bodies, CASES_OF_A_BODY).filter(
      ({ kind }) => kind !== 'with bytes behind',
    )
    const ours = await judgedByUs(cases)
    const theirs = await judgedByOpensslDigest(cases)
    expect(disagreements(cases, ours, theirs)).toEqual([])
    expect(new Set(ours)).toEqual(new Set([true, false]))
  })
})

interface Case {
  readonly kind: Kind
  readonly signer: Signer
  readonly body: Buffer
  readonly signature: Buffer
}

/** How a signature came about, from the body's own one. */
const KINDS = {
  valid: ({ good }) => good,
  'of a body with one bit flipped': ({ good }) => good,
  'with one bit flipped': ({ good, random }) => flipOneBit(good, random),
  'with random bytes': ({ good, random }) => random.bytes(good.byteLength),
  'with one byte replaced': ({ good, random }) => replaceOneByte(good, random),
  truncated: ({ good, random }) => good.subarray(0, random.below(good.byteLength)),
  'truncated in front': ({ good, random }) => good.subarray(1 + random.below(good.byteLength - 1)),
  'with bytes behind': ({ good, random }) =>
    Buffer.concat([good, random.bytes(1 + random.below(3))]),
  'with zeros in front': ({ good, random }) =>
    Buffer.concat([Buffer.alloc(1 + random.below(3)), good]),
  'of zeros': ({ good }) => Buffer.alloc(good.byteLength),
  'of ones': ({ good }) => Buffer.alloc(good.byteLength, 0xff),
  'by another key': ({ body }) => sign('RSA-SHA256', body, STRANGER.privateKey),
  'by another signer': ({ body, random }) =>
    sign('RSA-SHA256', body, random.pick(SIGNERS).privateKey),
  'of another body': ({ random, signer }) =>
    sign('RSA-SHA256', random.bytes(64), signer.privateKey),
  'of a part of the body': ({ body, signer }) =>
    sign('RSA-SHA256', body.subarray(0, -1), signer.privateKey),
  'with another digest': ({ body, random, signer }) =>
    sign(
      random.pick(['RSA-SHA1', 'RSA-SHA224', 'RSA-SHA384', 'RSA-SHA512']),
      body,
      signer.privateKey,
    ),
  'of the digest': ({ body, signer }) => sign('RSA-SHA256', sha256(body), signer.privateKey),
  'without a DigestInfo': ({ body, signer }) => privateEncrypt(signer.privateKey, sha256(body)),
  'with PSS padding': ({ body, signer }) => sign('sha256', body, pss(signer.privateKey)),
  'of a block with garbage after it': ({ body, signer }) =>
    signBlock(signer, garbageBehind(signer, body)),
  'plus the modulus': ({ good, signer }) => plusModulus(good, signer),
  'less the modulus': ({ good, signer }) => toBytes(signer.n - toNumber(good), signer.bytes),
} satisfies Record<string, (made: Made) => Buffer>

type Kind = keyof typeof KINDS

const ALL = Object.keys(KINDS) as Kind[]
// The most telling ones, which need no signature of their own.
const FREQUENT: readonly Kind[] = [
  'valid',
  'with one bit flipped',
  'of a body with one bit flipped',
  'with one byte replaced',
]

interface Made {
  readonly signer: Signer
  readonly body: Buffer
  /** The right signature of the body. */
  readonly good: Buffer
  readonly random: Seeded
}

/** Which kinds were accepted, refused, or, as a signer may be picked twice, both. */
const VERDICTS: Readonly<Record<Kind, readonly boolean[]>> = {
  valid: [true],
  'of a body with one bit flipped': [false],
  'with one bit flipped': [false],
  'with random bytes': [false],
  'with one byte replaced': [false],
  truncated: [false],
  'truncated in front': [false],
  'with bytes behind': [false],
  'with zeros in front': [false],
  'of zeros': [false],
  'of ones': [false],
  'by another key': [false],
  'by another signer': [false, true],
  'of another body': [false],
  'of a part of the body': [false],
  'with another digest': [false],
  'of the digest': [false],
  'without a DigestInfo': [false],
  'with PSS padding': [false],
  'of a block with garbage after it': [false],
  'plus the modulus': [false],
  'less the modulus': [false],
}

function makeCases(random: Seeded, bodies: number, casesOfABody: number): Case[] {
  return Array.from({ length: bodies }).flatMap(() => {
    const signer = random.pick(SIGNERS)
    const content = random.bytes(1 + random.below(700))
    const body = toBeSigned(signer, content)
    const flipped = toBeSigned(signer, flipOneBit(content, random))
    const good = sign('RSA-SHA256', body, signer.privateKey)
    return Array.from({ length: casesOfABody }, (_, number): Case => {
      const kind = random.pick(number < 4 ? FREQUENT : ALL)
      const signature = KINDS[kind]({ signer, body, good, random })
      const isFlipped = kind === 'of a body with one bit flipped'
      return { kind, signer, body: isFlipped ? flipped : body, signature }
    })
  })
}

/** True if the signature counts: a request that passes it has a body that is no event. */
async function judgedByUs(cases: readonly Case[]): Promise<boolean[]> {
  const receivers = new Map(
    SIGNERS.map(({ name, publicKey }) => [name, createWebhooks({ publicKey, logger: false })]),
  )
  const codes = cases.map(async ({ signer, body, signature }) => {
    const reply = await receivers.get(signer.name)?.handle({
      method: 'POST',
      header: (name) =>
        name === 'x-pingplusplus-signature' ? signature.toString('base64') : undefined,
      body: () => Promise.resolve(body),
    })
    return reply !== undefined && 'code' in reply ? reply.code : 'none'
  })
  return (await Promise.all(codes)).map((code) => {
    if (!/^(?:event|signature)-/.test(code))
      throw new Error(`Neither accepted nor refused: ${code}`)
    return code.startsWith('event-')
  })
}

async function judgedByOpensslVerify(cases: readonly Case[]): Promise<boolean[]> {
  const authorities = SIGNERS.map((signer) => pem(certificate(authority(signer), signer)))
  writeFileSync(join(FOLDER, 'authorities.pem'), authorities.join(''))
  const names = cases.map((each, number) => {
    const name = `case-${number}.pem`
    writeFileSync(join(FOLDER, name), pem(wrapped(each.body, each.signature)))
    return name
  })
  const halves = [names.slice(0, names.length / 2), names.slice(names.length / 2)]
  const outputs = await Promise.all(halves.map(verifyCertificates))
  const output = outputs.join('\n')
  const accepted = new Set([...output.matchAll(/^(case-\d+\.pem): OK$/gm)].map(([, name]) => name))
  const refused = new Set(
    [...output.matchAll(/error 7 at 0 depth lookup.*\n(?:.*\n)*?error (case-\d+\.pem):/g)].map(
      ([, name]) => name,
    ),
  )
  return names.map((name) => {
    if (accepted.has(name) === refused.has(name)) throw new Error(`openssl is silent on ${name}`)
    return accepted.has(name)
  })
}

/** The output of openssl; it exits with 2 when one certificate is refused. */
async function verifyCertificates(names: readonly string[]): Promise<string> {
  const parameters = ['verify', '-no_check_time', '-CAfile', 'authorities.pem', ...names]
  const options = { cwd: FOLDER, maxBuffer: 64 * 1024 * 1024 }
  const { stdout, stderr } = await run('openssl', parameters, options).catch(outputOf)
  return `${stdout}\n${stderr}\n`
}

async function judgedByOpensslDigest(cases: readonly Case[]): Promise<boolean[]> {
  for (const { name, publicKey } of SIGNERS) {
    writeFileSync(join(FOLDER, name), publicKey.export({ type: 'spki', format: 'pem' }))
  }
  const verdicts: boolean[] = []
  for (let start = 0; start < cases.length; start += 4) {
    const some = cases.slice(start, start + 4).map((each, at) => verifyDigest(each, start + at))
    verdicts.push(...(await Promise.all(some)))
  }
  return verdicts
}

async function verifyDigest({ signer, body, signature }: Case, number: number): Promise<boolean> {
  writeFileSync(join(FOLDER, `body-${number}`), body)
  writeFileSync(join(FOLDER, `signature-${number}`), signature)
  const parameters = ['dgst', '-sha256', '-verify', signer.name, '-signature']
  const { stdout, stderr } = await run(
    'openssl',
    [...parameters, `signature-${number}`, `body-${number}`],
    { cwd: FOLDER },
  ).catch(outputOf)
  if (stdout.startsWith('Verified OK')) return true
  // An empty signature is an error to openssl before it is a failure.
  if (/^Verification failure|^Error verifying data/m.test(stdout + stderr)) return false
  if (signature.byteLength === 0) return false
  throw new Error(`openssl says neither yes nor no: ${stdout}${stderr}`)
}

function outputOf(error: unknown): { readonly stdout: string; readonly stderr: string } {
  return error as { readonly stdout: string; readonly stderr: string }
}

function disagreements(
  cases: readonly Case[],
  ours: readonly boolean[],
  theirs: readonly boolean[],
): unknown[] {
  return cases.flatMap(({ kind, signer, body, signature }, at) => {
    if (ours[at] === theirs[at]) return []
    const key = signer.publicKey.export({ type: 'spki', format: 'pem' })
    const hex = { body: body.toString('hex'), signature: signature.toString('hex') }
    return [{ kind, ours: ours[at], theirs: theirs[at], key, ...hex }]
  })
}

function verdictsByKind(
  cases: readonly Case[],
  judged: readonly boolean[],
): Record<string, boolean[]> {
  const found = new Map<string, Set<boolean>>()
  for (const [at, { kind }] of cases.entries()) {
    found.set(kind, (found.get(kind) ?? new Set()).add(judged[at] === true))
  }
  return Object.fromEntries(
    [...found].map(([kind, both]) => [kind, [false, true].filter((each) => both.has(each))]),
  )
}

interface Signer {
  readonly name: string
  readonly publicKey: KeyObject
  readonly privateKey: KeyObject
  readonly n: bigint
  readonly bytes: number
}

function createSigner(name: string, bits: number, exponent: number): Signer {
  const pair = generateKeyPairSync('rsa', { modulusLength: bits, publicExponent: exponent })
  const { n = '' } = pair.publicKey.export({ format: 'jwk' })
  return { name, ...pair, n: toNumber(Buffer.from(n, 'base64url')), bytes: bits / 8 }
}

// A certificate as RFC 5280 has it, with as little in it as openssl takes.

const SHA256_WITH_RSA = der(0x30, Buffer.from('06092a864886f70d01010b0500', 'hex'))
const VALIDITY = der(
  0x30,
  der(0x17, Buffer.from('200101000000Z')),
  der(0x17, Buffer.from('400101000000Z')),
)

/** A TBSCertificate that holds any bytes, in an unknown extension. */
function toBeSigned(signer: Signer, content: Buffer): Buffer {
  const oid = der(0x06, Buffer.from('2b0601040183bb0c01', 'hex'))
  const extension = der(0x30, oid, der(0x04, content))
  return tbsCertificate(signer, 'case', extension)
}

function authority(signer: Signer): Buffer {
  const basicConstraints = der(0x06, Buffer.from('551d13', 'hex'))
  const isAuthority = der(0x04, der(0x30, der(0x01, Buffer.of(0xff))))
  const critical = der(0x01, Buffer.of(0xff))
  return tbsCertificate(signer, signer.name, der(0x30, basicConstraints, critical, isAuthority))
}

function tbsCertificate(signer: Signer, subject: string, extension: Buffer): Buffer {
  const version3 = der(0xa0, der(0x02, Buffer.of(2)))
  const serial = der(0x02, Buffer.of(1))
  const spki = signer.publicKey.export({ type: 'spki', format: 'der' })
  const extensions = der(0xa3, der(0x30, extension))
  const names = [nameOf(signer.name), VALIDITY, nameOf(subject)]
  return der(0x30, version3, serial, SHA256_WITH_RSA, ...names, spki, extensions)
}

function nameOf(commonName: string): Buffer {
  const oid = der(0x06, Buffer.from('550403', 'hex'))
  return der(0x30, der(0x31, der(0x30, oid, der(0x0c, Buffer.from(commonName)))))
}

function certificate(body: Buffer, signer: Signer): Buffer {
  return wrapped(body, sign('RSA-SHA256', body, signer.privateKey))
}

function wrapped(body: Buffer, signature: Buffer): Buffer {
  return der(0x30, body, SHA256_WITH_RSA, der(0x03, Buffer.of(0), signature))
}

function pem(bytes: Buffer): string {
  const lines = bytes
    .toString('base64')
    .match(/.{1,64}/g)
    ?.join('\n')
  return `-----BEGIN CERTIFICATE-----\n${lines}\n-----END CERTIFICATE-----\n`
}

/** DER: tag, length, content. */
function der(tag: number, ...parts: readonly Buffer[]): Buffer {
  const content = Buffer.concat(parts)
  const { byteLength } = content
  if (byteLength < 0x80) return Buffer.concat([Buffer.of(tag, byteLength), content])
  const length =
    byteLength < 0x100 ? [0x81, byteLength] : [0x82, byteLength >> 8, byteLength & 0xff]
  return Buffer.concat([Buffer.of(tag, ...length), content])
}

function flipOneBit(bytes: Buffer, random: Seeded): Buffer {
  const flipped = Buffer.from(bytes)
  const at = random.below(bytes.byteLength)
  flipped[at] = (flipped[at] ?? 0) ^ (1 << random.below(8))
  return flipped
}

function replaceOneByte(bytes: Buffer, random: Seeded): Buffer {
  const replaced = Buffer.from(bytes)
  const at = random.below(bytes.byteLength)
  replaced[at] = ((replaced[at] ?? 0) + 1 + random.below(255)) & 0xff
  return replaced
}

/** The start of the right block with little padding, and unchecked room after it. */
function garbageBehind(signer: Signer, body: Buffer): Buffer {
  const digestInfo = Buffer.from('3031300d060960864801650304020105000420', 'hex')
  const start = Buffer.concat([
    Buffer.from('0001ffffffffffffffff00', 'hex'),
    digestInfo,
    sha256(body),
  ])
  return Buffer.concat([start, Buffer.alloc(signer.bytes - start.byteLength, 0x5a)])
}

function signBlock({ privateKey: key }: Signer, block: Buffer): Buffer {
  return privateDecrypt({ key, padding: constants.RSA_NO_PADDING }, block)
}

function plusModulus(signature: Buffer, signer: Signer): Buffer {
  const sum = toNumber(signature) + signer.n
  const fits = sum < 1n << BigInt(signer.bytes * 8)
  return toBytes(sum, fits ? signer.bytes : signer.bytes + 1)
}

function pss(key: KeyObject): { key: KeyObject; padding: number } {
  return { key, padding: constants.RSA_PKCS1_PSS_PADDING }
}

function sha256(bytes: Uint8Array): Buffer {
  return createHash('sha256').update(bytes).digest()
}

function toNumber(bytes: Buffer): bigint {
  return BigInt(`0x${bytes.toString('hex')}`)
}

function toBytes(number: bigint, length: number): Buffer {
  return Buffer.from(number.toString(16).padStart(length * 2, '0'), 'hex')
}
