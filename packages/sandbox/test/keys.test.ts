import { createWebhooks } from '@hongbao/core'
import { createTestKeys, eventFixture, signDelivery } from '@hongbao/core/testing'
import { readPrivateKey } from '@hongbao/core/internal'
import { spawnSync } from 'node:child_process'
import { chmodSync, mkdirSync, mkdtempSync, readdirSync, readFileSync } from 'node:fs'
import { rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { openKeys, rotateKeys } from '../src/keys/keys.ts'

const HAS_MODES = process.platform !== 'win32'

let parent = ''
let directory = ''

beforeEach(() => {
  parent = mkdtempSync(join(tmpdir(), 'hongbao-keys-'))
  directory = join(parent, '.hongbao')
})

afterEach(() => rmSync(parent, { recursive: true, force: true }))

describe('the folder of the keys', () => {
  it('is made with what a sandbox and a client need', async () => {
    const { apiKey, webhook, merchant, repairs } = await openKeys(directory)
    expect(readdirSync(directory).toSorted()).toEqual([
      '.gitignore',
      'api-key.txt',
      'merchant-private.pem',
      'merchant-private.pkcs1.pem',
      'merchant-public.pem',
      'webhook-private.pem',
      'webhook-public.pem',
    ])
    expect(apiKey).toMatch(/^sk_test_[A-Za-z0-9]{24}$/)
    expect(readFileSync(webhook.publicPath, 'utf8')).toBe(webhook.publicKey)
    expect(readFileSync(merchant.publicPath, 'utf8')).toBe(merchant.publicKey)
    expect(webhook.fingerprint).not.toBe(merchant.fingerprint)
    expect(repairs).toEqual([])
  })

  it('holds a pair with which a notification is signed and verified', async () => {
    const { webhook } = await openKeys(directory)
    const webhooks = createWebhooks({ publicKey: webhook.publicKey, logger: false })
    webhooks.on('*', () => {})
    const { privateKey } = readPrivateKey({ path: webhook.privatePath })
    const signed = signDelivery(eventFixture('red_envelope.sent'), { privateKey })
    expect((await webhooks.handle(signed.delivery())).outcome).toBe('handled')
  })

  it('has the merchant’s key in both forms that official SDKs insist on', async () => {
    const { merchant } = await openKeys(directory)
    expect(readFileSync(merchant.privatePath, 'utf8')).toMatch(/^-----BEGIN PRIVATE KEY-----\n/)
    expect(readFileSync(merchant.pkcs1Path, 'utf8')).toMatch(/^-----BEGIN RSA PRIVATE KEY-----\n/)
    const { fingerprint } = readPrivateKey({ path: merchant.pkcs1Path })
    expect(fingerprint).toBe(merchant.fingerprint)
  })

  it
    .runIf(HAS_MODES)
    .each([
      'webhook-private.pem',
      'webhook-public.pem',
      'webhook-public.previous.pem',
      'merchant-private.pem',
      'merchant-private.pkcs1.pem',
      'merchant-public.previous.pem',
      'api-key.txt',
    ])('follows no symbolic link: %s [S21]', async (name) => {
    const { merchant } = await openKeys(join(parent, 'other'))
    const foreign = join(parent, 'foreign.pem')
    writeFileSync(foreign, readFileSync(merchant.privatePath), { mode: 0o644 })
    mkdirSync(directory)
    symlinkSync(foreign, join(directory, name))
    await expect(openKeys(directory)).rejects.toMatchObject({
      code: 'option-invalid',
      message: expect.stringContaining(`${join(directory, name)} is a symbolic link`) as string,
    })
    await expect(rotateKeys(directory, ['webhook'])).rejects.toThrow('is a symbolic link')
    expect(statSync(foreign).mode & 0o777).toBe(0o644)
    expect(readFileSync(foreign, 'utf8')).toBe(readFileSync(merchant.privatePath, 'utf8'))
  })

  it.runIf(HAS_MODES)('makes nothing at the end of a link that leads nowhere [S21]', async () => {
    mkdirSync(directory)
    symlinkSync(join(parent, 'nothing'), join(directory, 'api-key.txt'))
    await expect(openKeys(directory)).rejects.toThrow('is a symbolic link')
    expect(readdirSync(parent)).toEqual(['.hongbao'])
  })

  it.runIf(HAS_MODES).each(['', '/'])(
    'follows no symbolic link in the place of the folder itself: .hongbao%s [S21]',
    async (end) => {
      const foreign = join(parent, 'foreign')
      mkdirSync(foreign, { mode: 0o755 })
      symlinkSync(foreign, directory)
      await expect(openKeys(`${directory}${end}`)).rejects.toMatchObject({
        code: 'option-invalid',
        message: expect.stringContaining(`${directory} is a symbolic link`) as string,
      })
      expect(modeOf(foreign)).toBe(0o755)
      expect(readdirSync(foreign)).toEqual([])
    },
  )

  it('stays the same', async () => {
    const first = await openKeys(directory)
    expect(await openKeys(directory)).toEqual(first)
  })

  it('is made once, however many processes start at the same time', async () => {
    const opened = await Promise.all(Array.from({ length: 4 }, () => openKeys(directory)))
    const [first, ...others] = opened.map(({ apiKey, webhook, merchant }) => [
      apiKey,
      webhook.fingerprint,
      merchant.fingerprint,
    ])
    for (const other of others) expect(other).toEqual(first)
    expect(readdirSync(directory).filter((name) => name.endsWith('.tmp'))).toEqual([])
  })

  it.runIf(HAS_MODES)('is open to its owner alone, whatever the umask', async () => {
    const before = process.umask(0)
    try {
      await openKeys(directory)
    } finally {
      process.umask(before)
    }
    expect(modeOf(directory)).toBe(0o700)
    for (const name of readdirSync(directory).filter((each) => each !== '.gitignore')) {
      expect([name, modeOf(join(directory, name))]).toEqual([name, 0o600])
    }
  })

  it.runIf(HAS_MODES)('is closed again, and says so, where it was open to others', async () => {
    const { webhook } = await openKeys(directory)
    chmodSync(webhook.privatePath, 0o644)
    chmodSync(directory, 0o755)
    const { repairs } = await openKeys(directory)
    expect(repairs).toEqual([
      { path: directory, was: '0755', is: '0700' },
      { path: webhook.privatePath, was: '0644', is: '0600' },
    ])
    expect(modeOf(webhook.privatePath)).toBe(0o600)
    expect((await openKeys(directory)).repairs).toEqual([])
  })

  it('is ignored by git, itself included', async () => {
    const git = (...args: string[]): string =>
      spawnSync('git', args, { cwd: parent, encoding: 'utf8' }).stdout
    git('init', '-q')
    await openKeys(directory)
    writeFileSync(join(parent, 'app.ts'), '')
    expect(git('status', '--porcelain', '--untracked-files=all')).toBe('?? app.ts\n')
  })

  it('is never a folder that holds other things', async () => {
    for (const name of ['app.ts', '.gitignore']) writeFileSync(join(parent, name), 'dist\n')
    const mode = modeOf(parent)
    await expect(openKeys(parent)).rejects.toMatchObject({
      code: 'option-invalid',
      message: expect.stringContaining(join(parent, '.hongbao')),
    })
    expect(readdirSync(parent).toSorted()).toEqual(['.gitignore', 'app.ts'])
    expect(readFileSync(join(parent, '.gitignore'), 'utf8')).toBe('dist\n')
    expect(modeOf(parent)).toBe(mode)
  })
})

describe('a private key of one’s own', () => {
  it('is taken in any layout, and its public half is derived', async () => {
    await openKeys(directory)
    const keys = createTestKeys()
    const path = join(directory, 'webhook-private.pem')
    writeFileSync(path, keys.privateKey.replaceAll('\n', '\\n'), { mode: 0o600 })
    const { webhook } = await openKeys(directory)
    expect(webhook.publicKey).toBe(keys.publicKey)
    expect(readFileSync(webhook.publicPath, 'utf8')).toBe(keys.publicKey)
  })

  it('is refused with its path, and nothing of its text', async () => {
    await openKeys(directory)
    const path = join(directory, 'merchant-private.pem')
    const { publicKey } = createTestKeys()
    writeFileSync(path, publicKey, { mode: 0o600 })
    await expect(openKeys(directory)).rejects.toMatchObject({
      code: 'key-public',
      message: expect.stringContaining(path),
    })
    await expect(openKeys(directory)).rejects.toMatchObject({
      message: expect.not.stringContaining(String(publicKey.split('\n')[1]).slice(0, 16)),
    })
  })

  it('may come with an API key of the right form alone', async () => {
    mkdirSync(directory)
    writeFileSync(join(directory, '.gitignore'), '*\n')
    await openKeys(directory)
    const path = join(directory, 'api-key.txt')
    writeFileSync(path, 'sk_live_ibbTe5jLGCi5rzfH4OqPW9KC\n')
    await expect(openKeys(directory)).rejects.toMatchObject({
      code: 'option-invalid',
      message: expect.not.stringContaining('ibbTe5'),
    })
  })
})

describe('a rotation', () => {
  it('makes a new pair and keeps the public half of the old one', async () => {
    const before = await openKeys(directory)
    const after = await rotateKeys(directory, ['webhook'])
    expect(after.webhook.fingerprint).not.toBe(before.webhook.fingerprint)
    expect(after.webhook.previousPublicKey).toBe(before.webhook.publicKey)
    expect(readFileSync(after.webhook.publicPath, 'utf8')).toBe(after.webhook.publicKey)
    expect(after.merchant).toEqual(before.merchant)
    expect(after.apiKey).toBe(before.apiKey)
    expect(await openKeys(directory)).toEqual(after)
  })

  it('makes a new API key', async () => {
    const before = await openKeys(directory)
    const after = await rotateKeys(directory, ['api-key'])
    expect(after.apiKey).not.toBe(before.apiKey)
    expect(after.webhook).toEqual(before.webhook)
  })
})

function modeOf(path: string): number {
  return statSync(path).mode & 0o777
}
