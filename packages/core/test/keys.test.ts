import { execFileSync } from 'node:child_process'
import {
  createPublicKey,
  createSecretKey,
  generateKeyPairSync,
  sign,
  type KeyObject,
} from 'node:crypto'
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, it } from 'vitest'
import {
  createWebhooks,
  type OptionErrorCode,
  type PublicKeyInput,
  type WebhooksOptions,
} from '../src/index.ts'
import { isPublished } from '../src/keys/published-keys.ts'
import { expectNoKeyMaterial } from './key-material.ts'
import { bytesOf, deliveryOf, envelopeSent, openListener } from './signed.ts'

const PAIR = generateKeyPairSync('rsa', { modulusLength: 2048 })
const SPKI = PAIR.publicKey.export({ type: 'spki', format: 'pem' }).toString()
const PKCS1 = PAIR.publicKey.export({ type: 'pkcs1', format: 'pem' }).toString()
const SPKI_DER = PAIR.publicKey.export({ type: 'spki', format: 'der' })
const PKCS1_DER = PAIR.publicKey.export({ type: 'pkcs1', format: 'der' })
const BASE64 = SPKI_DER.toString('base64')

const FOLDER = mkdtempSync(join(tmpdir(), 'hongbao-keys-'))
afterAll(() => rmSync(FOLDER, { recursive: true }))

const EXAMPLES = new URL('../../../test/node_modules/pingpp/example/', import.meta.url)

describe('a public key in the layout of', () => {
  it.each<[string, PublicKeyInput]>([
    ['the dashboard: PEM, SPKI [C6]', SPKI],
    ['PEM, PKCS#1 [C5]', PKCS1],
    ['PEM without its last newline', SPKI.trimEnd()],
    ['an environment variable with literal \\n [C10]', SPKI.replaceAll('\n', String.raw`\n`)],
    ['an environment variable with literal \\r\\n [C10]', SPKI.replaceAll('\n', String.raw`\r\n`)],
    ['JSON in JSON: literal \\\\n [C10]', SPKI.replaceAll('\n', String.raw`\\n`)],
    ['an environment variable in double quotes', `"${SPKI.replaceAll('\n', String.raw`\n`)}"`],
    ['an environment variable in single quotes', `'${SPKI}'`],
    ['PKCS#1 with literal \\n [C10]', PKCS1.replaceAll('\n', String.raw`\n`)],
    ['Windows: CRLF [C11]', SPKI.replaceAll('\n', '\r\n')],
    ['old Macs: CR [C11]', SPKI.replaceAll('\n', '\r')],
    ['a file with a byte order mark [C11]', `\uFEFF${SPKI}`],
    ['a mail: text before and after [C11]', `Our key:\n\n${SPKI}\nRegards, Ping++`],
    ['YAML: indented lines [C12]', SPKI.replaceAll(/^/gm, '    ')],
    ['tabs before every line [C12]', SPKI.replaceAll(/^/gm, '\t')],
    ['one line, spaces for newlines [C12]', SPKI.trim().replaceAll('\n', ' ')],
    ['one line, nothing for newlines [C12]', SPKI.replaceAll('\n', '')],
    ['bare base64 in one line [C12]', BASE64],
    ['bare base64 in lines [C12]', BASE64.replaceAll(/.{64}/g, '$&\n')],
    ['bare base64 with spaces around [C12]', ` \n${BASE64}\n `],
    ['bare base64 in quotes [C12]', `"${BASE64}"`],
    ['bare base64 of PKCS#1 [C12]', PKCS1_DER.toString('base64')],
    ['DER bytes, SPKI', SPKI_DER],
    ['DER bytes, PKCS#1', PKCS1_DER],
    ['DER in a Uint8Array', new Uint8Array(SPKI_DER)],
    ['PEM bytes', Buffer.from(SPKI)],
    ['PEM bytes with a byte order mark', Buffer.from(`\uFEFF${SPKI}`)],
    ['base64 bytes', Buffer.from(BASE64)],
    ['a KeyObject', PAIR.publicKey],
    ['a file, PEM', { path: fileOf('key.pem', SPKI) }],
    [
      'a file, PEM with CRLF and a byte order mark',
      { path: fileOf('bom.pem', `\uFEFF${SPKI.replaceAll('\n', '\r\n')}`) },
    ],
    ['a file, PKCS#1', { path: fileOf('pkcs1.pem', PKCS1) }],
    ['a file, DER', { path: fileOf('key.der', SPKI_DER) }],
    ['a file, bare base64', { path: fileOf('key.b64', BASE64) }],
    ['a list of one', [SPKI] as unknown as PublicKeyInput],
  ])('%s is accepted, and verifies [S4]', async (_, publicKey) => {
    const opened = openListener({ publicKey })
    const signature = sign('RSA-SHA256', bytesOf(envelopeSent()), PAIR.privateKey).toString(
      'base64',
    )
    expect((await opened.deliver(envelopeSent(), { signature })).outcome).toBe('handled')
    const other = sign('RSA-SHA256', Buffer.from('x'), PAIR.privateKey).toString('base64')
    expect(await opened.deliver(envelopeSent(), { signature: other })).toMatchObject({
      outcome: 'rejected',
      code: 'signature-mismatch',
    })
    expect(opened.reports[0]?.keyFingerprint).toBe(fingerprintByOpenssl(SPKI))
  })

  it.each([2048, 3072, 4096, 2056])('%d bits is accepted', async (modulusLength) => {
    const pair = generateKeyPairSync('rsa', { modulusLength })
    await expectVerifies(pair)
  })

  it.each([3, 17, 65_539])('the exponent %d is accepted [C20]', async (publicExponent) => {
    const pair = generateKeyPairSync('rsa', { modulusLength: 2048, publicExponent })
    await expectVerifies(pair)
  })

  it('openssl genrsa and rsa -pubout is accepted [C6]', () => {
    const pem = openssl(['genrsa', '2048'])
    const spki = openssl(['rsa', '-pubout'], pem)
    const pkcs1 = openssl(['rsa', '-RSAPublicKey_out'], pem)
    expect(spki).toContain('BEGIN PUBLIC KEY')
    expect(pkcs1).toContain('BEGIN RSA PUBLIC KEY')
    expect(() => createWebhooks({ publicKey: [spki, pkcs1] })).not.toThrow()
  })
})

describe('a private key', () => {
  const encrypted = { cipher: 'aes-256-cbc', passphrase: 'secret' } as const
  const { privateKey } = PAIR
  const ec = generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey

  it.each<[string, PublicKeyInput]>([
    ['PEM, PKCS#8', privateKey.export({ type: 'pkcs8', format: 'pem' }).toString()],
    ['PEM, PKCS#1', privateKey.export({ type: 'pkcs1', format: 'pem' }).toString()],
    [
      'PEM, encrypted PKCS#8 [C16]',
      privateKey.export({ type: 'pkcs8', format: 'pem', ...encrypted }).toString(),
    ],
    [
      'PEM, encrypted PKCS#1 [C16]',
      privateKey.export({ type: 'pkcs1', format: 'pem', ...encrypted }).toString(),
    ],
    [
      'PEM with literal \\n',
      privateKey
        .export({ type: 'pkcs8', format: 'pem' })
        .toString()
        .replaceAll('\n', String.raw`\n`),
    ],
    ['PEM bytes', Buffer.from(privateKey.export({ type: 'pkcs8', format: 'pem' }))],
    ['DER, PKCS#8', privateKey.export({ type: 'pkcs8', format: 'der' })],
    ['DER, PKCS#1', privateKey.export({ type: 'pkcs1', format: 'der' })],
    ['bare base64, PKCS#8', privateKey.export({ type: 'pkcs8', format: 'der' }).toString('base64')],
    ['bare base64, PKCS#1', privateKey.export({ type: 'pkcs1', format: 'der' }).toString('base64')],
    ['a KeyObject', privateKey],
    [
      'a file',
      { path: fileOf('private.pem', privateKey.export({ type: 'pkcs8', format: 'pem' })) },
    ],
    ['of an elliptic curve, SEC1', ec.export({ type: 'sec1', format: 'pem' }).toString()],
    ['of an elliptic curve, PKCS#8', ec.export({ type: 'pkcs8', format: 'der' })],
    ['that is published', readExample('your_rsa_private_key.pem')],
  ])('is refused: %s [C4] [S4]', (_, publicKey) => {
    expectRefusal(publicKey, 'key-private', /private key/)
  })

  it('is refused or unreadable, but never used: encrypted DER [C4] [C16]', () => {
    const der = privateKey.export({ type: 'pkcs8', format: 'der', ...encrypted })
    expectRefusal(der, 'key-unreadable', /public key/)
  })

  it('is refused if it is in one text with the public one, as `cat` writes them [C13]', () => {
    const both = SPKI + privateKey.export({ type: 'pkcs8', format: 'pem' }).toString()
    expectRefusal(both, 'key-ambiguous', /several keys/)
  })

  it('is refused in a list with public ones [C4] [C17]', () => {
    expectRefusal([SPKI, privateKey], 'key-private', /private key/)
  })
})

describe('a key that is not RSA', () => {
  const kinds: readonly [string, KeyObject, RegExp][] = [
    ['EC P-256 [C1]', generateKeyPairSync('ec', { namedCurve: 'P-256' }).publicKey, /type ec;/],
    [
      'EC secp256k1 [C1]',
      generateKeyPairSync('ec', { namedCurve: 'secp256k1' }).publicKey,
      /type ec;/,
    ],
    ['Ed25519 [C2]', generateKeyPairSync('ed25519').publicKey, /type ed25519;/],
    ['Ed448 [C2]', generateKeyPairSync('ed448').publicKey, /type ed448;/],
    ['X25519 [C2]', generateKeyPairSync('x25519').publicKey, /type x25519;/],
    [
      'RSA-PSS [C3]',
      generateKeyPairSync('rsa-pss', { modulusLength: 2048 }).publicKey,
      /type rsa-pss;/,
    ],
    [
      'RSA-PSS for SHA-256 [C3]',
      generateKeyPairSync('rsa-pss', {
        modulusLength: 2048,
        hashAlgorithm: 'sha256',
        mgf1HashAlgorithm: 'sha256',
      }).publicKey,
      /type rsa-pss;/,
    ],
    [
      'DSA [C1]',
      generateKeyPairSync('dsa', { modulusLength: 1024, divisorLength: 160 }).publicKey,
      /type dsa;/,
    ],
  ]

  it.each(kinds)('is refused: %s [S4]', (_, key, message) => {
    expectRefusal(key, 'key-not-rsa', message)
    expectRefusal(key.export({ type: 'spki', format: 'pem' }).toString(), 'key-not-rsa', message)
    expectRefusal(key.export({ type: 'spki', format: 'der' }), 'key-not-rsa', message)
  })

  it('is refused: a secret [C15]', () => {
    expectRefusal(createSecretKey(Buffer.alloc(256, 7)), 'key-not-rsa', /type secret;/)
  })
})

describe('an insecure RSA key', () => {
  it.each([512, 1024, 2040, 2047])('is refused: %d bits [C8] [S4]', (modulusLength) => {
    const { publicKey } = generateKeyPairSync('rsa', { modulusLength })
    expectRefusal(publicKey, 'key-too-small', new RegExp(`has ${modulusLength} bits.*2048 or more`))
    const pem = publicKey.export({ type: 'spki', format: 'pem' }).toString()
    expectRefusal(pem, 'key-too-small', /2048 or more/)
  })

  it.each([
    ['1', 'AQ'],
    ['2', 'Ag'],
    ['4', 'BA'],
    ['65536', 'AQAA'],
  ])('is refused: exponent %s [C20]', (_, e) => {
    const { n } = PAIR.publicKey.export({ format: 'jwk' })
    const key = createPublicKey({ format: 'jwk', key: { kty: 'RSA', n: n ?? '', e } })
    expectRefusal(key, 'key-weak-exponent', /exponent/)
    const der = key.export({ type: 'spki', format: 'der' })
    expectRefusal(der, 'key-weak-exponent', /exponent/)
  })
})

describe('a public key option that is not a key', () => {
  it.each<[string, unknown]>([
    ['undefined [C9]', undefined],
    ['null [C9]', null],
    ['empty [C9]', ''],
    ['nothing but spaces [C9]', ' \n\t '],
    ['nothing but a byte order mark [C9]', '\uFEFF'],
    ['nothing but quotes [C9]', '""'],
    ['nothing but a literal \\n [C9]', String.raw`\n`],
    ['an empty list [C9]', []],
    ['a list of nothing [C9]', [undefined]],
    ['a list with an empty text [C9]', [SPKI, '']],
    ['no bytes [C9]', Buffer.alloc(0)],
    ['an object [C9]', {}],
    ['an object with a path that is no text [C9]', { path: 5 }],
    ['a number [C9]', 5],
    ['true [C9]', true],
    ['a symbol [C9]', Symbol('key')],
    ['a function in a list [C9]', [() => SPKI]],
    ['a promise [C9] [C19]', Promise.resolve(SPKI)],
    ['a list in a list [C9]', [[SPKI]]],
  ])('is missing: %s [S4]', (_, publicKey) => {
    expectRefusal(publicKey, 'key-missing', /empty or not set.*dashboard/)
  })

  it.each<[string, unknown]>([
    ['hello [C9]', 'hello'],
    ['the name of a file [C9]', 'pingpp_rsa_public_key.pem'],
    ['a template that was not filled in [C9]', '${PINGPP_PUBLIC_KEY}'],
    ['the id of an app [C9]', 'app_1Gqj58ynP0mHeX1q'],
    ['an API key [C9]', 'sk_live_4eC39HqLyjWDarjtT1zdp7dc'],
    ['base64 of something else [C9]', Buffer.from('hello world').toString('base64')],
    ['a PEM without its end', SPKI.replace('-----END PUBLIC KEY-----', '')],
    ['a PEM without its beginning', SPKI.replace('-----BEGIN PUBLIC KEY-----', '')],
    ['a PEM that was cut off', `${SPKI.slice(0, 200)}\n-----END PUBLIC KEY-----`],
    ['a PEM with a character lost', SPKI.replace(/[A-Z]\n/, '\n')],
    ['a PEM with junk inside', SPKI.replace('MIIB', 'MI*B')],
    ['a PEM with nothing inside', '-----BEGIN PUBLIC KEY-----\n-----END PUBLIC KEY-----'],
    ['a PEM whose labels differ', SPKI.replace('END PUBLIC', 'END RSA PUBLIC')],
    ['an SSH key', 'ssh-rsa AAAAB3NzaC1yc2EAAAADAQABAAABgQC7 user@host'],
    ['PGP', '-----BEGIN PGP PUBLIC KEY BLOCK-----\n\nmQENBF\n-----END PGP PUBLIC KEY BLOCK-----'],
    ['parameters', '-----BEGIN DH PARAMETERS-----\nMIIBCAKC\n-----END DH PARAMETERS-----'],
    ['DER that was cut off', SPKI_DER.subarray(0, 100)],
    ['DER of something else', Buffer.from('3002310100', 'hex')],
    ['one byte', Buffer.of(0x30)],
    ['bytes at random', Buffer.alloc(294, 0xa7)],
    ['UTF-16', Buffer.from(SPKI, 'utf16le')],
  ])('is unreadable: %s [S4]', (_, publicKey) => {
    expectRefusal(publicKey, 'key-unreadable', /public key|PEM|missing/)
  })

  it('is a certificate, whose public key can be taken out [C7]', () => {
    const certificate = certificateByOpenssl()
    expectRefusal(certificate, 'key-unreadable', /CERTIFICATE/)
    const der = Buffer.from(certificate.replaceAll(/-----.*?-----|\s/g, ''), 'base64')
    expectRefusal(der, 'key-unreadable', /public key/)
    expectRefusal(der.toString('base64'), 'key-unreadable', /public key/)
    const taken = openssl(['x509', '-pubkey', '-noout'], certificate)
    expect(() => createWebhooks({ publicKey: taken })).not.toThrow()
  })

  it('is two keys in one text [C13]', () => {
    const other = generateKeyPairSync('rsa', { modulusLength: 2048 }).publicKey
    const text = SPKI + other.export({ type: 'spki', format: 'pem' }).toString()
    expectRefusal(text, 'key-ambiguous', /several keys.*list/)
    expectRefusal(Buffer.from(text), 'key-ambiguous', /several keys/)
    expectRefusal(SPKI + SPKI, 'key-ambiguous', /several keys/)
  })
})

describe('a file', () => {
  it('is named if it is missing [C14]', () => {
    const path = join(FOLDER, 'missing.pem')
    const error = expectRefusal({ path }, 'key-unreadable', /ENOENT/)
    expect(error.message).toContain(path)
    expect(error.cause).toMatchObject({ code: 'ENOENT' })
  })

  it('is read although its path has the quotes of an environment file [C22]', () => {
    const publicKey = { path: `"${fileOf('quoted.pem', SPKI)}"\n` }
    expect(refusalOf({ publicKey })).toBeUndefined()
  })

  it('is named if it is a directory [C14]', () => {
    const path = join(FOLDER, 'directory')
    mkdirSync(path)
    expect(expectRefusal({ path }, 'key-unreadable', /EISDIR/).message).toContain(path)
  })

  it('is refused if it is far too large [C14]', () => {
    const path = fileOf('large.pem', Buffer.alloc(10 * 1024 * 1024, 'A'))
    expectRefusal({ path }, 'key-unreadable', /public key/)
  })

  it('is refused if it is empty [C9] [C14]', () => {
    expectRefusal({ path: fileOf('empty.pem', '') }, 'key-missing', /empty/)
    expectRefusal({ path: '' }, 'key-unreadable', /ENOENT/)
  })
})

describe('a published example key', () => {
  it.each(['pingpp_rsa_public_key.pem', 'your_rsa_public_key.pem'])(
    'is refused, whatever its layout: %s [B23] [C18]',
    (name) => {
      const pem = readExample(name)
      const key = createPublicKey(pem)
      const layouts: PublicKeyInput[] = [
        pem,
        pem.replaceAll('\n', String.raw`\n`),
        key,
        key.export({ type: 'spki', format: 'der' }),
        key.export({ type: 'pkcs1', format: 'pem' }).toString(),
        key.export({ type: 'pkcs1', format: 'der' }).toString('base64'),
        { path: new URL(name, EXAMPLES).pathname },
      ]
      for (const layout of layouts) {
        const error = expectRefusal(layout, 'key-published', /dashboard/)
        expect(error.message).toContain("an example of Ping++'s SDKs")
      }
      expectRefusal([SPKI, pem], 'key-published', /dashboard/)
    },
  )

  // The files of the Python and Java SDKs are not here: their fingerprints were made with openssl.
  it.each([
    ['Python', '6a9dd79211117a564ede24186cde4c7d834a21ebee8217e304c138add1e59704'],
    ['Python, earlier', 'a3f1d3ce530ef2ecda02cf9e21e5747661a0b68a3f4f47b332aca3e48b7d8d75'],
    ['Java', 'c6c8f348c553280f728500e1a5552c32df26b2d1a1e0abad710d220d2551a30b'],
  ])('is recognised by its fingerprint, as the SDK of %s ships it [C23]', (_, fingerprint) => {
    expect(isPublished(fingerprint)).toBe(true)
  })

  it('is accepted only with `allowPublishedKeys` [B23]', () => {
    const publicKey = ['pingpp_rsa_public_key.pem', 'your_rsa_public_key.pem'].map(readExample)
    expect(() => createWebhooks({ publicKey, allowPublishedKeys: true })).not.toThrow()
    expect(() => createWebhooks({ publicKey, allowPublishedKeys: false })).toThrow(
      'which anyone can download',
    )
  })
})

describe('a fingerprint', () => {
  it('is the SHA-256 of the SPKI DER, as openssl has it', async () => {
    for (let count = 0; count < 3; count += 1) {
      const pair = generateKeyPairSync('rsa', { modulusLength: 2048 })
      const pem = pair.publicKey.export({ type: 'spki', format: 'pem' }).toString()
      expect(await expectVerifies(pair)).toBe(fingerprintByOpenssl(pem))
    }
  })
})

/** Refused means: an OptionError with the code, and nothing of the key in its message. */
function expectRefusal(publicKey: unknown, code: OptionErrorCode, message: RegExp): Error {
  const error = refusalOf({ publicKey } as WebhooksOptions)
  expect(error).toMatchObject({ name: 'OptionError', code })
  expect(error).toBeInstanceOf(TypeError)
  expect((error as Error).message).toContain('`publicKey`')
  expect((error as Error).message).toMatch(message)
  expectNoKeyMaterial(error as Error, publicKey)
  return error as Error
}

function refusalOf(options: WebhooksOptions): unknown {
  try {
    createWebhooks(options)
  } catch (error) {
    return error
  }
  return undefined
}

/** The fingerprint under which the report names the key. */
async function expectVerifies(pair: {
  readonly publicKey: KeyObject
  readonly privateKey: KeyObject
}): Promise<string | undefined> {
  const opened = openListener({ publicKey: pair.publicKey })
  const signature = sign('RSA-SHA256', bytesOf(envelopeSent()), pair.privateKey).toString('base64')
  const reply = await opened.webhooks.handle(deliveryOf(envelopeSent(), { signature }))
  expect(reply.outcome).toBe('handled')
  return opened.reports[0]?.keyFingerprint
}

function fingerprintByOpenssl(pem: string): string {
  const der = execFileSync('openssl', ['pkey', '-pubin', '-outform', 'DER'], { input: pem })
  const digest = execFileSync('openssl', ['dgst', '-sha256', '-r'], { input: der }).toString()
  return digest.slice(0, 64)
}

function certificateByOpenssl(): string {
  const key = openssl(['genrsa', '2048'])
  const path = fileOf('certified.pem', key)
  return openssl(['req', '-x509', '-new', '-key', path, '-subj', '/CN=hongbao.test', '-days', '2'])
}

function openssl(parameters: readonly string[], input = ''): string {
  return execFileSync('openssl', parameters, { input, stdio: 'pipe' }).toString()
}

function fileOf(name: string, content: string | Uint8Array): string {
  const path = join(FOLDER, name)
  writeFileSync(path, content)
  return path
}

function readExample(name: string): string {
  return readFileSync(new URL(name, EXAMPLES), 'utf8')
}

describe('a key that is given as a path', () => {
  it.each(['publicKey', 'privateKey'] as const)('is refused without being quoted: %s', (half) => {
    const { [half]: key } = generateKeyPairSync('rsa', { modulusLength: 2048 })
    const pem = key.export({ type: half === 'publicKey' ? 'spki' : 'pkcs8', format: 'pem' })
    const error = refusalOf({ publicKey: { path: pem.toString() } })
    expect(error).toMatchObject({
      code: 'key-unreadable',
      message: '`publicKey` has a `path` that is a key, not a path.',
    })
    expect(String(error)).not.toContain(pem.toString().split('\n')[1])
  })
})
