import { createPublicKey, createSecretKey, generateKeyPairSync, verify } from 'node:crypto'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { inspect } from 'node:util'
import { afterAll, describe, expect, it } from 'vitest'
import type { OptionErrorCode } from '../src/options/errors.ts'
import { readPrivateKey, type PrivateKeyInput } from '../src/keys/private-key.ts'
import { signBytes } from '../src/keys/signature.ts'
import { expectNoKeyMaterial } from './key-material.ts'

const PAIR = generateKeyPairSync('rsa', { modulusLength: 2048 })
const PKCS8 = PAIR.privateKey.export({ type: 'pkcs8', format: 'pem' }).toString()
const PKCS1 = PAIR.privateKey.export({ type: 'pkcs1', format: 'pem' }).toString()
const PKCS8_DER = PAIR.privateKey.export({ type: 'pkcs8', format: 'der' })
const PKCS1_DER = PAIR.privateKey.export({ type: 'pkcs1', format: 'der' })
const BASE64 = PKCS8_DER.toString('base64')
const SPKI = PAIR.publicKey.export({ type: 'spki', format: 'pem' }).toString()

const FOLDER = mkdtempSync(join(tmpdir(), 'hongbao-private-key-'))
afterAll(() => rmSync(FOLDER, { recursive: true }))

const EXAMPLES = new URL('../../../test/node_modules/pingpp/example/', import.meta.url)

describe('a private key in the layout of', () => {
  it.each<[string, PrivateKeyInput]>([
    ['openssl genrsa today: PEM, PKCS#8', PKCS8],
    ['openssl genrsa before 3.0, and the SDKs: PEM, PKCS#1', PKCS1],
    ['PEM without its last newline', PKCS8.trimEnd()],
    ['an environment variable with literal \\n', PKCS8.replaceAll('\n', String.raw`\n`)],
    ['an environment variable with literal \\r\\n', PKCS1.replaceAll('\n', String.raw`\r\n`)],
    ['JSON in JSON: literal \\\\n', PKCS1.replaceAll('\n', String.raw`\\n`)],
    ['an environment variable in double quotes', `"${PKCS8.replaceAll('\n', String.raw`\n`)}"`],
    ['an environment variable in single quotes', `'${PKCS1}'`],
    ['Windows: CRLF', PKCS8.replaceAll('\n', '\r\n')],
    ['old Macs: CR', PKCS1.replaceAll('\n', '\r')],
    ['a file with a byte order mark', `\uFEFF${PKCS1}`],
    ['openssl pkcs12: text before and after', `Bag Attributes\n  a: b\n${PKCS8}\n`],
    ['YAML: indented lines', PKCS8.replaceAll(/^/gm, '    ')],
    ['one line, spaces for newlines', PKCS1.trim().replaceAll('\n', ' ')],
    ['one line, nothing for newlines', PKCS8.replaceAll('\n', '')],
    ['the Java SDK: bare base64 of PKCS#8 in lines', BASE64.replaceAll(/.{64}/g, '$&\n')],
    ['bare base64 of PKCS#8 in one line', BASE64],
    ['bare base64 of PKCS#1', PKCS1_DER.toString('base64')],
    ['bare base64 in quotes', `"${BASE64}"`],
    ['DER bytes, PKCS#8', PKCS8_DER],
    ['DER bytes, PKCS#1', PKCS1_DER],
    ['DER in a Uint8Array', new Uint8Array(PKCS8_DER)],
    ['PEM bytes', Buffer.from(PKCS1)],
    ['PEM bytes with a byte order mark', Buffer.from(`\uFEFF${PKCS8}`)],
    ['base64 bytes', Buffer.from(BASE64)],
    ['a KeyObject', PAIR.privateKey],
    ['a file, PEM, PKCS#8', { path: fileOf('pkcs8.pem', PKCS8) }],
    ['a file, PEM, PKCS#1, CRLF', { path: fileOf('crlf.pem', PKCS1.replaceAll('\n', '\r\n')) }],
    ['a file, DER', { path: fileOf('key.der', PKCS8_DER) }],
    ['a file, bare base64', { path: fileOf('key.b64', BASE64) }],
  ])('%s signs what the public half verifies', (_, input) => {
    const { privateKey, fingerprint } = readPrivateKey(input)
    const signature = Buffer.from(signBytes(Buffer.from('恭喜发财'), privateKey), 'base64')
    expect(verify('RSA-SHA256', Buffer.from('恭喜发财'), PAIR.publicKey, signature)).toBe(true)
    expect(fingerprint).toBe(readPrivateKey(PAIR.privateKey).fingerprint)
    expect(fingerprint).toMatch(/^[\da-f]{64}$/)
  })

  it.each([2048, 3072, 4096])('%d bits is accepted', (modulusLength) => {
    const { privateKey } = generateKeyPairSync('rsa', { modulusLength })
    expect(readPrivateKey(privateKey).privateKey).toBe(privateKey)
  })
})

describe('a public key', () => {
  const { publicKey } = PAIR

  it.each<[string, PrivateKeyInput]>([
    ['PEM, SPKI', SPKI],
    ['PEM, PKCS#1', publicKey.export({ type: 'pkcs1', format: 'pem' }).toString()],
    ['DER, SPKI', publicKey.export({ type: 'spki', format: 'der' })],
    ['DER, PKCS#1', publicKey.export({ type: 'pkcs1', format: 'der' })],
    ['bare base64', publicKey.export({ type: 'spki', format: 'der' }).toString('base64')],
    ['a KeyObject', publicKey],
    ['a file', { path: fileOf('public.pem', SPKI) }],
  ])('is refused, and the message requests the private half: %s', (_, input) => {
    expectRefusal(input, 'key-public', /is a public key; the private half signs.*商户 RSA 公钥/)
  })
})

describe('an encrypted key', () => {
  const how = { cipher: 'aes-256-cbc', passphrase: 'secret' } as const

  it.each<[string, PrivateKeyInput]>([
    ['PEM, PKCS#8', PAIR.privateKey.export({ type: 'pkcs8', format: 'pem', ...how }).toString()],
    ['PEM, PKCS#1', PAIR.privateKey.export({ type: 'pkcs1', format: 'pem', ...how }).toString()],
  ])('is refused with the command that decrypts it: %s', (_, input) => {
    expectRefusal(input, 'key-unreadable', /is encrypted.*openssl rsa -in key\.pem -out plain\.pem/)
  })

  it('looks like any other bytes in DER, and is refused with the same command', () => {
    const der = PAIR.privateKey.export({ type: 'pkcs8', format: 'der', ...how })
    expectRefusal(der, 'key-unreadable', /not a private key.*openssl rsa -in key\.pem/)
  })
})

describe('a key that is not RSA', () => {
  const ec = generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey

  it.each<[string, PrivateKeyInput, RegExp]>([
    ['EC, PKCS#8', ec.export({ type: 'pkcs8', format: 'pem' }).toString(), /type ec; RSA/],
    ['EC, SEC1', ec.export({ type: 'sec1', format: 'pem' }).toString(), /type ec; RSA/],
    ['EC, a KeyObject', ec, /type ec; RSA/],
    ['Ed25519', generateKeyPairSync('ed25519').privateKey, /type ed25519; RSA/],
    [
      'RSA-PSS, which Ping++ does not verify',
      generateKeyPairSync('rsa-pss', { modulusLength: 2048 }).privateKey,
      /type rsa-pss; RSA/,
    ],
    ['a secret', createSecretKey(Buffer.alloc(32)), /type secret; RSA/],
  ])('is refused: %s', (_, input, message) => {
    expectRefusal(input, 'key-not-rsa', message)
  })

  it('is refused with the command that converts it: OpenSSH', () => {
    const pem = `-----BEGIN OPENSSH PRIVATE KEY-----\n${BASE64}\n-----END OPENSSH PRIVATE KEY-----`
    expectRefusal(pem, 'key-unreadable', /format of OpenSSH.*ssh-keygen -p -m PEM/)
  })
})

describe('an insecure RSA key', () => {
  it('is refused: 1024 bits', () => {
    const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 1024 })
    expectRefusal(privateKey, 'key-too-small', /has 1024 bits; 2048 or more.*openssl genrsa/)
  })

  it('is refused: the example of Ping++’s SDKs, unless it is allowed explicitly', () => {
    const published = readFileSync(new URL('your_rsa_private_key.pem', EXAMPLES), 'utf8')
    expectRefusal(published, 'key-published', /anyone can download/)
    const { privateKey } = readPrivateKey(published, 'privateKey', true)
    const example = readFileSync(new URL('your_rsa_public_key.pem', EXAMPLES), 'utf8')
    expect(createPublicKey(privateKey).equals(createPublicKey(example))).toBe(true)
  })
})

describe('a private key option that is not a key', () => {
  it.each<[string, unknown]>([
    ['undefined', undefined],
    ['null', null],
    ['empty', ''],
    ['nothing but spaces', ' \n\t'],
    ['nothing but quotes', '""'],
    ['no bytes', new Uint8Array()],
    ['a number', 5],
    ['an empty object', {}],
    ['a path that is no text', { path: 5 }],
    ['a promise', Promise.resolve(PKCS8)],
    ['a list', [PKCS8]],
  ])('is missing: %s', (_, input) => {
    expectRefusal(input, 'key-missing', /is empty or not set|has no `path`/)
  })

  it.each<[string, unknown]>([
    ['the name of a file', 'your_rsa_private_key.pem'],
    ['a template that was not filled in', '${PINGPP_PRIVATE_KEY}'],
    ['an API key', 'sk_live_4eC39HqLyjWDarjtT1zdp7dc'],
    ['base64 of something else', Buffer.from('恭喜发财').toString('base64')],
    ['PEM without its end', PKCS8.replace('-----END PRIVATE KEY-----', '')],
    ['PEM that was cut off', `${PKCS8.slice(0, 400)}\n-----END PRIVATE KEY-----`],
    ['PEM with junk inside', PKCS8.replace('MIIE', 'MI*E')],
    ['PEM with nothing inside', '-----BEGIN PRIVATE KEY-----\n-----END PRIVATE KEY-----'],
    ['DER that was cut off', PKCS8_DER.subarray(0, 100)],
    ['a certificate', `-----BEGIN CERTIFICATE-----\n${BASE64}\n-----END CERTIFICATE-----`],
    ['a file that is missing', { path: join(FOLDER, 'missing.pem') }],
    ['a folder', { path: FOLDER }],
  ])('is unreadable: %s', (_, input) => {
    expectRefusal(input, 'key-unreadable', /private key|PEM|cannot be read/)
  })

  it('is refused if it is both halves in one text', () => {
    expectRefusal(PKCS8 + SPKI, 'key-ambiguous', /several keys. Pass only your private key\./)
  })

  it.each([
    ['PEM', PKCS8],
    ['PEM in one line', PKCS1.replaceAll('\n', ' ')],
    ['bare base64', BASE64],
    ['bare base64 of PKCS#1', PKCS1_DER.toString('base64')],
    ['bare base64 in quotes', `"${BASE64}"`],
    ['bare base64 with literal \\n', BASE64.replaceAll(/.{64}/g, String.raw`$&\n`)],
  ])('is a key instead of its path, which is not quoted: %s', (_, path) => {
    expectRefusal({ path }, 'key-unreadable', /`path` that is a key/)
    expectNoKeyMaterial(refusalOf({ path }), path)
  })
})

describe('an error', () => {
  it('names the option and the file, and keeps the cause', () => {
    const path = join(FOLDER, 'missing.pem')
    expect(() => readPrivateKey({ path }, 'merchantKey')).toThrow(
      expect.objectContaining({
        message: `\`merchantKey\` file ${path} cannot be read: ENOENT.`,
        cause: expect.objectContaining({ code: 'ENOENT' }),
      }),
    )
    const empty = fileOf('empty.pem', '')
    expect(() => readPrivateKey({ path: empty })).toThrow(`(${empty})`)
  })
})

describe('a private key that was read', () => {
  it('does not appear in any output', () => {
    const shown = inspect(readPrivateKey(PKCS8), { depth: Infinity, showHidden: true })
    expect(shown).not.toContain(BASE64.slice(40, 60))
    expect(JSON.stringify(readPrivateKey(PKCS8))).not.toContain(BASE64.slice(40, 60))
  })
})

function expectRefusal(input: unknown, code: OptionErrorCode, message: RegExp): void {
  const error = refusalOf(input)
  expect(error).toMatchObject({ name: 'OptionError', code })
  expect(error.message).toMatch(/^`privateKey` /)
  expect(error.message).toMatch(message)
  expectNoKeyMaterial(error, input)
}

function refusalOf(input: unknown): Error {
  try {
    readPrivateKey(input as PrivateKeyInput)
  } catch (error) {
    return error as Error
  }
  throw new Error('It was accepted.')
}

function fileOf(name: string, content: string | Uint8Array): string {
  const path = join(FOLDER, name)
  writeFileSync(path, content)
  return path
}
