import { once } from 'node:events'
import { existsSync, mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { afterAll, afterEach, beforeEach, describe, expect, it } from 'vitest'
import { ControlClient } from '../src/cli/control-client.ts'
import { describeError } from '../src/cli/exit.ts'
import { findDirectory, findPlace, readPlaces, removePlace, writePlace } from '../src/cli/place.ts'
import { languageOf, textsIn } from '../src/cli/texts/texts.ts'
import { openKeys } from '../src/keys/keys.ts'
import type { SandboxOptions } from '../src/options.ts'
import type { Sandbox } from '../src/sandbox.ts'
import { startSandbox } from '../src/start.ts'
import { endOf, runCli, spawnCli, startCli, temporaryFolder } from './cli-process.ts'

const HAS_MODES = process.platform !== 'win32'
const folder = temporaryFolder()
const closing: (() => unknown)[] = []
let projects = 0
let dir = ''

beforeEach(() => {
  projects += 1
  const project = join(folder.path, `project-${projects}`)
  mkdirSync(join(project, '.git'), { recursive: true })
  dir = join(project, '.hongbao')
})
afterEach(async () => {
  for (const close of closing.splice(0)) await close()
})
afterAll(folder.remove)

describe('the folder of a project', () => {
  it('is the nearest .hongbao, up to the folder with .git', async () => {
    const project = join(dir, '..')
    const deep = join(project, 'packages/app/src')
    mkdirSync(deep, { recursive: true })
    expect(findDirectory(deep)).toBe(join(deep, '.hongbao'))
    mkdirSync(dir)
    expect(findDirectory(deep)).toBe(dir)
    mkdirSync(join(project, 'packages/app/.hongbao'))
    expect(findDirectory(deep)).toBe(join(project, 'packages/app/.hongbao'))
  })

  it('is never one above the project, nor one above the current folder without a project', async () => {
    const outside = join(folder.path, 'outside')
    mkdirSync(join(folder.path, '.hongbao'), { recursive: true })
    mkdirSync(outside)
    expect(findDirectory(join(dir, '..'))).toBe(dir)
    expect(findDirectory(outside)).toBe(join(outside, '.hongbao'))
  })
})

describe('sandbox.json', () => {
  const RUNNING = { url: 'http://127.0.0.1:4999', pid: 4711, keyFingerprint: 'f', boot: 'b' }

  it.runIf(HAS_MODES)('can be read by its owner only', async () => {
    await openKeys(dir)
    await writePlace(dir, RUNNING)
    expect(statSync(join(dir, 'sandbox.json')).mode & 0o777).toBe(0o600)
    expect(readPlaces(dir)[0]).toEqual(RUNNING)
  })

  it('is removed only by the sandbox that wrote it', async () => {
    await openKeys(dir)
    await writePlace(dir, RUNNING)
    await removePlace(dir, 'another')
    expect(readPlaces(dir)[0]).toEqual(RUNNING)
    await removePlace(dir, 'b')
    expect(existsSync(join(dir, 'sandbox.json'))).toBe(false)
  })

  it.each([
    '',
    '{',
    '[]',
    '{"url":"file:///etc/passwd","pid":1,"keyFingerprint":"f","boot":"b"}',
    '{"url":"http://127.0.0.1:4999","pid":0,"keyFingerprint":"f","boot":"b"}',
    '{"url":"http://127.0.0.1:4999","pid":-1,"keyFingerprint":"f","boot":"b"}',
  ])('that holds %j counts as none', async (text) => {
    await openKeys(dir)
    writeFileSync(join(dir, 'sandbox.json'), text)
    expect(readPlaces(dir)[0]).toBeUndefined()
  })
})

describe('a command', () => {
  it('finds the sandbox of its project by sandbox.json', async () => {
    const sandbox = await openOwn()
    expect(await runCli(['target', '--dir', dir])).toMatchObject({ status: 0 })
    await runCli(['trigger', 'charge.succeeded', '--dir', dir])
    expect(sandbox.events()).toHaveLength(1)
  })

  it.each([
    ['another key', { keyFingerprint: 'other' }],
    ['another start', { boot: 'other' }],
  ])('refuses a sandbox of %s, and does nothing to it', async (_name, change) => {
    const sandbox = await openOwn(change)
    const ended = await runCli(['trigger', 'charge.succeeded', '--dir', dir])
    expect(ended).toMatchObject({ status: 3, stdout: '' })
    expect(ended.stderr).toContain('is not the one that was started in this project')
    expect(ended.stderr).toContain(`--url ${sandbox.url}`)
    expect(sandbox.events()).toEqual([])
    const forced = await runCli(['trigger', 'charge.succeeded', '--url', sandbox.url])
    expect(forced.status).toBe(0)
  })

  it.each([
    ['en', 'Nothing was changed', 'may be another project'],
    ['zh', '未做任何改动', '可能属于其他项目'],
  ])(
    'without keys of its own changes no sandbox at the default address, and reads with a warning (%s)',
    async (lang, refusal, warning) => {
      const sandbox = await startSandbox({ port: 0 })
      closing.push(() => sandbox.close())
      sandbox.trigger('charge.succeeded')
      const { url } = sandbox
      const warnings: string[] = []
      const client = new ControlClient({
        timeoutMs: 5000,
        place: { ...findPlace(dir), url },
        warnOfGuess: (each) => warnings.push(each),
      })
      const texts = textsIn(languageOf(['--lang', lang], {}))
      const changes = [
        client.change('POST', '/reset'),
        client.change('POST', '/trigger', { type: 'charge.failed' }),
        client.change('PUT', '/target', { target: null }),
        client.change('DELETE', '/faults'),
      ]
      for (const change of changes) {
        const error: unknown = await change.catch((each: unknown) => each)
        const { status, message } = await describeError(error, texts)
        expect([status, message]).toEqual([3, expect.stringContaining(refusal)])
        expect(message).toContain(`--url ${url}`)
      }
      expect([sandbox.events().length, warnings]).toEqual([1, []])
      await client.get('/state')
      await client.get('/events')
      expect(warnings).toEqual([url])
      expect(texts('guessed', { url })).toContain(warning)
    },
  )

  it('without keys of its own refuses before it asks, makes no folder, and names --url', async () => {
    const ended = await runCli(['reset', '--dir', dir])
    expect(ended).toMatchObject({ status: 3, stdout: '' })
    expect(ended.stderr).toContain('--url http://127.0.0.1:4141')
    expect(existsSync(dir)).toBe(false)
  })

  it('says that a sandbox has ended whose process is gone', async () => {
    const port = await freePort()
    await openKeys(dir)
    const url = `http://127.0.0.1:${port}`
    await writePlace(dir, { url, pid: 2 ** 22 + 1, keyFingerprint: 'f', boot: 'b' })
    const { status, stderr } = await runCli(['status', '--dir', dir])
    expect([status, stderr]).toEqual([3, expect.stringContaining(`${url} has ended`)])
  })

  it('says which process does not answer, and advises to end none, as it may be another program', async () => {
    const url = `http://127.0.0.1:${await freePort()}`
    await openKeys(dir)
    await writePlace(dir, { url, pid: process.pid, keyFingerprint: 'f', boot: 'b' })
    const { status, stderr } = await runCli(['status', '--dir', dir, '--lang', 'zh'])
    expect([status, stderr]).toEqual([3, expect.stringContaining(`进程 ${process.pid}`)])
    expect(stderr).not.toContain('结束')
    const english = await runCli(['status', '--dir', dir])
    expect(english.stderr).toContain(`Process ${process.pid} runs`)
    expect(english.stderr).not.toMatch(/\bend\b|kill/i)
  })
})

describe('the token of --allow-remote', () => {
  it('is in sandbox.json and at the end of the banner’s address, and commands of the project send it', async () => {
    const { url, ended, child, cwd } = await startRemote()
    const { controlToken = '' } = readPlaces(dir)[0] ?? {}
    expect(controlToken).toMatch(/^\w{24}$/)
    const mode = statSync(join(dir, 'sandbox.json')).mode & 0o777
    expect(HAS_MODES ? mode : 0o600).toBe(0o600)
    const commands = [['trigger', 'charge.succeeded'], ['status'], ['reset'], ['env']]
    for (const command of [...commands, ['status', '--url', url]]) {
      expect((await spawnCli(command, { cwd })).status).toBe(0)
    }
    const opened = await runCli(['open', '--dir', dir], '', { BROWSER: 'true' })
    expect(opened.stdout).toBe(`${url}/#token=${controlToken}\n`)
    child.kill('SIGTERM')
    const { stdout, stderr } = await ended
    expect(stderr.split(controlToken)).toHaveLength(2)
    expect(stderr).toContain(`${url}/#token=${controlToken}\n`)
    expect(stdout).not.toContain(controlToken)
  })

  it.each([
    ['en', 'set HONGBAO_SANDBOX_TOKEN to it'],
    ['zh', '请设置 HONGBAO_SANDBOX_TOKEN'],
  ])(
    'can be given by HONGBAO_SANDBOX_TOKEN; without it a command fails (%s)',
    async (lang, text) => {
      const controlToken = 'a-token-of-my-own'
      const { url } = await startRemote({ HONGBAO_SANDBOX_TOKEN: controlToken })
      const args = ['status', '--url', url, '--dir', join(folder.path, 'elsewhere'), '--lang', lang]
      expect(await runCli(args, '', { HONGBAO_SANDBOX_TOKEN: controlToken })).toMatchObject({
        status: 0,
      })
      for (const token of ['', 'another-token-than-it']) {
        const ended = await runCli(args, '', { HONGBAO_SANDBOX_TOKEN: token })
        expect(ended).toMatchObject({
          status: 2,
          stdout: '',
          stderr: expect.stringContaining(text),
        })
      }
    },
  )

  it('that is too short to be one is refused', async () => {
    const args = ['start', '--port', '0', '--allow-remote', '--dir', dir, '--lang', 'zh']
    const ended = await runCli(args, '', { HONGBAO_SANDBOX_TOKEN: 'secret' })
    expect(ended).toMatchObject({ status: 2, stdout: '' })
    expect(ended.stderr).toContain('HONGBAO_SANDBOX_TOKEN 应为')
    expect(ended.stderr).not.toContain('secret')
  })

  async function startRemote(env?: Readonly<Record<string, string>>) {
    const cwd = join(dir, '..')
    const started = await startIn(cwd, ['--port', '0', '--allow-remote'], env)
    await expect.poll(() => existsSync(join(dir, 'sandbox.json'))).toBe(true)
    return { ...started, cwd }
  }
})

describe('two projects on one machine', () => {
  it('each have their own sandbox: the second one takes the next port', async () => {
    const second = join(folder.path, `second-${projects}`)
    mkdirSync(join(second, 'app'), { recursive: true })
    mkdirSync(join(second, '.git'))
    const first = join(dir, '..')
    const one = await startIn(first, [])
    const { port } = new URL(one.url)
    const two = await startIn(second, ['--port', port])
    expect(two.url).not.toBe(one.url)
    const [fromOne, fromTwo] = await Promise.all([
      spawnCli(['trigger', 'charge.succeeded', '--json'], { cwd: first }),
      spawnCli(['trigger', 'charge.failed', '--json'], { cwd: join(second, 'app') }),
    ])
    expect([fromOne.status, fromTwo.status]).toEqual([0, 0])
    expect(await eventTypes(one.url)).toEqual(['charge.succeeded'])
    expect(await eventTypes(two.url)).toEqual(['charge.failed'])

    one.child.kill('SIGTERM')
    expect((await one.ended).status).toBe(143)
    expect(existsSync(join(dir, 'sandbox.json'))).toBe(false)
    expect(readFileSync(join(second, '.hongbao/sandbox.json'), 'utf8')).toContain(two.url)
  })
})

describe('two sandboxes of one project', () => {
  it('each remove their own entry only: after the second, commands find the first again', async () => {
    const cwd = join(dir, '..')
    const first = await startIn(cwd, [])
    const second = await startIn(cwd, [])
    const entry = () => readPlaces(dir)[0]?.url
    await expect.poll(entry).toBe(second.url)
    second.child.kill('SIGTERM')
    const { stderr } = await second.ended
    expect(stderr).toContain(`--url ${first.url} uses the other`)
    expect(entry()).toBe(first.url)
    expect(await runCli(['status', '--dir', dir])).toMatchObject({ status: 0, stderr: '' })
    first.child.kill('SIGTERM')
    await first.ended
    expect(existsSync(join(dir, 'sandbox.json'))).toBe(false)
  })

  it('leave no entry of a sandbox that has ended', async () => {
    const running = { url: 'http://127.0.0.1:4999', keyFingerprint: 'f' }
    await openKeys(dir)
    const before = [{ ...running, pid: 2 ** 22 + 1, boot: 'a' }]
    await writePlace(dir, { ...running, pid: process.pid, boot: 'b', before })
    await removePlace(dir, 'b')
    expect(existsSync(join(dir, 'sandbox.json'))).toBe(false)
  })

  it.each(['abc', 'acb', 'bac', 'bca', 'cab', 'cba'])(
    'or three, that end in the order %s, always leave the latest that still runs',
    async (order) => {
      await openKeys(dir)
      const running = { url: 'http://127.0.0.1:4999', keyFingerprint: 'f', pid: process.pid }
      const before = ['b', 'a'].map((boot) => ({ ...running, boot }))
      await writePlace(dir, { ...running, boot: 'c', before })
      const left = new Set('abc')
      for (const boot of order) {
        await removePlace(dir, boot)
        left.delete(boot)
        expect(readPlaces(dir)[0]?.boot).toBe([...left].at(-1))
      }
    },
  )
})

/** A sandbox with the keys of the folder, and its `sandbox.json`, perhaps with another content. */
async function openOwn(change: object = {}, options: SandboxOptions = {}): Promise<Sandbox> {
  const { webhook } = await openKeys(dir)
  const sandbox = await startSandbox({ ...options, privateKey: { path: webhook.privatePath } })
  closing.push(() => sandbox.close())
  const { url, keyFingerprint } = sandbox
  const [{ boot } = { boot: '' }] = sandbox.journal()
  await writePlace(dir, { url, pid: process.pid, keyFingerprint, boot, ...change })
  return sandbox
}

async function startIn(
  cwd: string,
  args: readonly string[],
  env?: Readonly<Record<string, string>>,
) {
  const port = args.length === 0 ? ['--port', String(await freePort())] : args
  const child = startCli(['start', '--json', ...port], { cwd, env })
  closing.push(() => child.kill('SIGKILL'))
  const ended = endOf(child)
  const lines = createInterface({ input: child.stdout ?? process.stdin })
  const [line] = await once(lines, 'line')
  const { url } = JSON.parse(String(line)) as { url: string }
  return { child, ended, url }
}

async function eventTypes(url: string): Promise<string[]> {
  const answer = await fetch(`${url}/_sandbox/events`)
  const { data } = (await answer.json()) as { data: { type: string }[] }
  return data.map(({ type }) => type)
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  await once(server.close(), 'close')
  return port
}
