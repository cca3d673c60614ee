import { createWebhooks, type WebhookReport } from '@hongbao/core'
import { nodeWebhooks } from '@hongbao/core/node'
import {
  createTestKeys,
  eventFixture,
  signDelivery,
  type SignedDelivery,
} from '@hongbao/core/testing'
import { execFile, spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync, writeFileSync } from 'node:fs'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import { promisify } from 'node:util'
import { afterAll, describe, expect, it } from 'vitest'
import { codeBlocks } from './markdown.ts'
import { createWorkspace, readDocument, removeWorkspaces, ROOT } from './snippets.ts'

const TOUR = readDocument('docs/tour.md')
const KEYS = readDocument('docs/keys.md')
const GUIDE = readDocument('docs/signature.md')

const keys = createTestKeys()
const isInstalled = (tool: string): boolean =>
  spawnSync('sh', ['-c', `command -v ${tool}`]).status === 0

const stops: (() => unknown)[] = []
afterAll(() => {
  for (const stop of stops) stop()
  removeWorkspaces()
})

describe('npm and pnpm commands', () => {
  const { scripts } = JSON.parse(readDocument('package.json')) as { scripts: object }

  it.each([
    'README.md',
    'README.zh-CN.md',
    'CONTRIBUTING.md',
    'docs/tour.md',
    'docs/tour.zh-CN.md',
  ])('in %s exist', (path) => {
    const commands = readDocument(path).match(/`[^`\n]+`|^(?:npm|pnpm) .+$/gm) ?? []
    const named = commands.flatMap((text) => {
      const [, name] = /^`?(?:npm run|npm|pnpm) ([\w:]+)/.exec(text) ?? []
      return name === undefined ? [] : [name]
    })
    const known = new Set([
      'add',
      'audit',
      'config',
      'install',
      'publish',
      'changeset',
      'vitest',
      ...Object.keys(scripts),
    ])
    expect(named).not.toEqual([])
    expect(named.filter((name) => !known.has(name))).toEqual([])
  })

  it('`npm start` prints what docs/tour.md shows of it', async () => {
    const shown = codeBlocks(TOUR).find(({ language }) => language === 'text')?.text ?? ''
    const tour = join(ROOT, 'examples/tour/tour.ts')
    const { stdout } = await promisify(execFile)(process.execPath, [tour])
    const rowsOf = (text: string) =>
      text
        .trim()
        .split('\n')
        .map((line) => line.split(/\s{2,}/))
    expect(rowsOf(shown).length).toBeGreaterThan(5)
    expect(rowsOf(stdout)).toEqual(expect.arrayContaining(rowsOf(shown)))
  })
})

describe.skipIf(!isInstalled('openssl'))('openssl', () => {
  it('makes a key pair, of which `publicKey` takes only the public one', async () => {
    const { directory } = createWorkspace()
    await run(directory, command(KEYS, 'genrsa'))
    const path = (half: string) => join(directory, `rsa_${half}_key.pem`)
    expect(() => createWebhooks({ publicKey: { path: path('public') } })).not.toThrow()
    expect(() => createWebhooks({ publicKey: { path: path('private') } })).toThrow(
      expect.objectContaining({ code: 'key-private' }),
    )
  })

  it('verifies what capture.ts saved', async () => {
    const { directory, signed } = await capture()
    expect(readFileSync(join(directory, 'body.json'))).toEqual(signed.bytes)
    expect(await run(directory, command(GUIDE, 'dgst -sha256 -verify'))).toBe('Verified OK\n')

    writeFileSync(join(directory, 'pingpp_public_key.pem'), createTestKeys().publicKey)
    const wrongKey = run(directory, command(GUIDE, 'dgst -sha256 -verify'))
    await expect(wrongKey).rejects.toMatchObject({ stdout: 'Verification failure\n' })
  })

  it('prints the fingerprint that reports have, and the log begins', async () => {
    const { directory } = createWorkspace()
    writeFileSync(join(directory, 'pingpp_public_key.pem'), keys.publicKey)
    const { webhooks, reports } = createObserved()
    const event = eventFixture('red_envelope.sent')
    await webhooks.handle(signDelivery(event, keys).delivery())
    await webhooks.handle(signDelivery(event, createTestKeys()).delivery())
    const fingerprint = reports[0]?.keyFingerprint ?? 'none'
    expect(await run(directory, command(GUIDE, '-outform DER'))).toContain(fingerprint)
    const message = `Configured: ${fingerprint.slice(0, 16)}.`
    expect(reports[1]).toMatchObject({
      error: { message: expect.stringContaining(message) as string },
    })
  })
})

describe.skipIf(!isInstalled('curl'))('curl', () => {
  it('replays what capture.ts saved, unless it strips a line break', async () => {
    const { directory } = await capture()
    const { webhooks } = createObserved()
    const server = createServer(nodeWebhooks(webhooks, { path: '/webhooks' }))
    const port = await listen(server)
    const replay = command(GUIDE, 'curl').replace('localhost:3000', `localhost:${port}`)

    expect(await run(directory, replay)).toContain('{"outcome":"handled"}')
    expect(await run(directory, replay)).toContain('{"outcome":"duplicate"}')
    const stripped = replay.replace('--data-binary', '-d')
    expect(await run(directory, stripped)).toContain(
      '{"outcome":"rejected","code":"signature-mismatch"}',
    )
  })
})

/** The shell block that holds a certain word. */
function command(markdown: string, word: string): string {
  const block = codeBlocks(markdown).find(
    ({ language, text }) => language === 'sh' && text.includes(word),
  )
  if (block === undefined) throw new Error(`There is no command with ${word}.`)
  return block.text
}

async function run(cwd: string, script: string): Promise<string> {
  return (await promisify(execFile)('sh', ['-e', '-c', script], { cwd })).stdout
}

function createObserved() {
  const reports: WebhookReport[] = []
  const onReport = (report: WebhookReport): void => void reports.push(report)
  const webhooks = createWebhooks({ publicKey: keys.publicKey, onReport, logger: false })
  webhooks.on('*', () => {})
  return { webhooks, reports }
}

/** Runs capture.ts in a process of its own, because it writes to where it was started. */
async function capture(): Promise<{ directory: string; signed: SignedDelivery }> {
  const { directory } = createWorkspace()
  writeFileSync(join(directory, 'pingpp_public_key.pem'), keys.publicKey)
  const port = await freePort()
  const env = { ...process.env, PORT: String(port) }
  const child = spawn(process.execPath, ['capture.ts'], { cwd: directory, env, stdio: 'ignore' })
  stops.push(() => child.kill())

  const signed = signDelivery(`${JSON.stringify(eventFixture('red_envelope.sent'))}\n`, keys)
  const reply = await send(`http://localhost:${port}/webhooks`, signed)
  expect(reply.status).toBe(500)
  return { directory, signed }
}

/** Sends as soon as the server of another process listens. */
async function send(url: string, signed: SignedDelivery): Promise<Response> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await fetch(url, signed.init())
    } catch (error) {
      if (attempt === 200) throw error
      await wait(50)
    }
  }
}

async function listen(server: Server): Promise<number> {
  stops.push(() => server.close())
  await once(server.listen(0), 'listening')
  return (server.address() as AddressInfo).port
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0)
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  await once(server.close(), 'close')
  return port
}
