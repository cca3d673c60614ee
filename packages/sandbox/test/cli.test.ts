import { createWebhooks } from '@hongbao/core'
import { eventFixture } from '@hongbao/core/testing'
import { spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { afterAll, afterEach, describe, expect, it } from 'vitest'
import type { JournalRecord } from '../src/events/journal.ts'
import { startSandbox } from '../src/start.ts'
import type { Sandbox } from '../src/sandbox.ts'
import type { SandboxOptions } from '../src/options.ts'
import { endOf, jsonLines, spawnCli, startCli, temporaryFolder, type Ended } from './cli-process.ts'

const folder = temporaryFolder()
const cwd = folder.path
const closing: (() => unknown)[] = []

afterEach(async () => {
  await Promise.all(closing.splice(0).map((close) => close()))
})
afterAll(folder.remove)

describe('start', () => {
  it('says when it is ready, tells of everything as NDJSON, and ends by SIGTERM', async () => {
    const app = await openApp()
    const args = [
      'start',
      '--port',
      '0',
      '--json',
      '--send-webhooks',
      'on-create',
      '--target',
      app.url,
    ]
    const { child, ready, ended } = await startReady(args)
    expect(ready).toMatchObject({ v: 1, seq: 1, target: app.url, pid: child.pid })
    const answer = await fetch(`${ready.url}/_sandbox/ready`)
    expect(await answer.json()).toEqual({ ready: true })

    const envelope = await fetch(`${ready.url}/v1/red_envelopes`, {
      method: 'POST',
      headers: { authorization: 'Bearer sk_test_1', 'content-type': 'application/json' },
      body: JSON.stringify(ENVELOPE),
    })
    expect(envelope.status).toBe(200)
    await app.received
    child.kill('SIGTERM')
    const { status, stdout, stderr } = await ended
    expect(status).toBe(143)
    const records = jsonLines<JournalRecord>(stdout)
    expect(records.map(({ seq }) => seq)).toEqual(records.map((_record, at) => at + 1))
    expect(records.map(({ type }) => type)).toEqual(
      expect.arrayContaining(['ready', 'api.request', 'event.created', 'attempt.started']),
    )
    expect(stderr).toContain(`${ready.url}/v1`)
    await expect(fetch(ready.url)).rejects.toThrow('fetch failed')
  })

  it('is the default command, leaves stdout to programs, and says plainly that there is no target', async () => {
    const child = startCli(['--port', '0'], { cwd })
    const ended = endOf(child)
    await once(child.stderr ?? child, 'data')
    child.kill('SIGINT')
    const { status, stdout, stderr } = await ended
    expect(status).toBe(130)
    expect(stdout).toBe('')
    expect(stderr).toContain('none: notifications are kept and not sent')
    expect(stderr).not.toContain('Next')
  })

  it('signs with the key of its folder, start after start', async () => {
    const fingerprints: unknown[] = []
    for (let time = 0; time < 2; time += 1) {
      const { child, ready, ended } = await startReady(['--port', '0', '--json', '--quiet'])
      fingerprints.push(ready.keyFingerprint)
      child.kill('SIGINT')
      expect((await ended).stderr).toBe('')
    }
    const { stdout } = await spawnCli(['keys', 'show', '--json'], { cwd })
    const [keys] = jsonLines<{ webhook: { fingerprint: string } }>(stdout)
    expect(fingerprints).toEqual([keys?.webhook.fingerprint, keys?.webhook.fingerprint])
  })

  it('takes the next free port, or none with --strict-port', async () => {
    const other = await openSandbox()
    const port = new URL(other.url).port
    const strict = spawnCli(['--port', port, '--strict-port', '--json'], { cwd })
    const { child, ready, ended } = await startReady(['--port', port, '--json'])
    expect(Number(new URL(ready.url).port)).toBeGreaterThan(Number(port))
    child.kill('SIGINT')
    const { stderr } = await ended
    expect(stderr).toContain(`Port ${port} is taken`)
    const refused = await strict
    expect(refused).toMatchObject({ status: 2, stdout: '' })
    expect(JSON.parse(refused.stderr)).toMatchObject({ error: { code: 'port-taken' } })
  })

  it.each([
    ['en', 'the control API demand a token'],
    ['zh', '网页界面和控制 API 需要令牌'],
  ])(
    'warns once that other machines can call it, if they can reach it (%s)',
    async (lang, text) => {
      const args = ['--port', '0', '--json', '--quiet', '--lang', lang]
      const remote = await startReady([...args, '--host', '0.0.0.0', '--allow-remote'])
      remote.child.kill('SIGINT')
      expect((await remote.ended).stderr.split(text)).toHaveLength(2)
      const local = await startReady([...args, '--allow-remote'])
      local.child.kill('SIGINT')
      expect((await local.ended).stderr).toBe('')
    },
  )

  it('checks requests with the merchant key of its folder when it is told to', async () => {
    const strict = ['--request-signatures', 'strict']
    const { child, ready, ended } = await startReady(['--port', '0', '--json', ...strict])
    const target = '/v1/red_envelopes?limit=1'
    const signed = await spawnCli(['sign', '--request', target, '--json'], { cwd })
    const [headers = { signature: '', timestamp: '' }] = jsonLines<{
      signature: string
      timestamp: string
    }>(signed.stdout)
    const ask = async (more: Record<string, string>) => {
      const authorization = 'Bearer sk_test_1'
      const answer = await fetch(ready.url + target, { headers: { authorization, ...more } })
      return answer.status
    }
    expect(await ask({})).toBe(401)
    const signature = {
      'pingplusplus-signature': headers.signature,
      'pingplusplus-request-timestamp': headers.timestamp,
    }
    expect(await ask(signature)).toBe(200)
    child.kill('SIGINT')
    await ended
  })

  it('ends quietly when its output is closed', async () => {
    const { child, ready, ended } = await startReady(['--port', '0', '--json', '--quiet'])
    child.stdout?.destroy()
    while (child.exitCode === null) {
      await fetch(`${ready.url}/_sandbox/trigger`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: '{"type":"charge.succeeded"}',
      }).catch(() => {})
    }
    expect(await ended).toMatchObject({ status: 0, stderr: '' })
  })
})

describe('a Node', () => {
  it.each([
    ['18.20.8', 1],
    ['20.19.0', 1],
    ['22.11.0', 1],
    ['22.12.0', 0],
    ['23.0.0', 0],
  ])('%s ends the command with %i', async (version, status) => {
    const node = JSON.stringify({ ...process.versions, node: version })
    const pretend = `Object.defineProperty(process, 'versions', { value: ${node} })`
    const NODE_OPTIONS = `--import=data:text/javascript,${encodeURIComponent(pretend)}`
    const ended = await spawnCli(['trigger', '--list'], { cwd, env: { NODE_OPTIONS } })
    const complaint = `error: hongbao-sandbox needs Node 22.12 or later; this is ${version}.\n`
    expect(ended).toMatchObject({ status, stderr: status === 0 ? '' : complaint })
  })
})

describe('commands that speak with a sandbox', () => {
  it('put results on stdout alone, as JSON when asked', async () => {
    const sandbox = await openSandbox({ target: () => new Response('不'), clock: 'virtual' })
    const json = (...args: string[]) => cli(sandbox, ...args, '--json')
    const triggered = await json('trigger', 'red_envelope.sent', '--wait')
    const added = await json('fault', 'add', 'delay', '--delay', '1m')
    const all = await Promise.all([
      json('events'),
      json('events', 'show', 'last'),
      json('clock'),
      json('fault'),
      json('env'),
      json('env', '--sdk', 'node'),
      json('clock', 'advance', '25h'),
    ])
    for (const { status, stdout, stderr } of [triggered, added, ...all]) {
      expect([status, stderr]).toEqual([0, expect.not.stringContaining('error')])
      expect(jsonLines(stdout)).toHaveLength(1)
    }
    expect(jsonLines(triggered.stdout)).toMatchObject([{ status: 'delivered', attemptCount: 1 }])
  })

  it('find it by HONGBAO_SANDBOX_URL, quoted or not, and answer 3 where there is none [C22]', async () => {
    const sandbox = await openSandbox({ clock: 'virtual', startMs: Date.UTC(2026, 0, 1) })
    const env = { HONGBAO_SANDBOX_URL: `"${sandbox.url}"` }
    const found = await spawnCli(['clock'], { cwd, env })
    expect(found).toMatchObject({ status: 0, stdout: '2026-01-01T00:00:00.000Z\n' })
    await sandbox.close()
    const missed = await spawnCli(['clock'], { cwd, env })
    expect(missed).toMatchObject({ status: 3, stdout: '' })
    expect(missed.stderr).toContain('npx hongbao-sandbox start')
  })

  it('end with 4 when the app does not answer 2xx, and show what it said', async () => {
    const sandbox = await openSandbox({
      target: () => new Response('TypeError: 订单不存在', { status: 500 }),
      clock: 'virtual',
    })
    const { status, stdout, stderr } = await cli(sandbox, 'trigger', 'charge.succeeded', '--wait')
    expect(status).toBe(4)
    expect(stdout).toBe(`${sandbox.events()[0]?.id}\n`)
    expect(stderr).toMatch(/→ {2}evt_\w+ +charge\.succeeded {2}1\/11\n/)
    expect(stderr).toMatch(/← {2}evt_\w+ +500 {2}\d+ms {2}“TypeError: 订单不存在”\n/)
  })

  it('write no colours where there is no terminal, unless they are forced', async () => {
    const sandbox = await openSandbox({ target: () => new Response(), clock: 'virtual' })
    const args = ['trigger', 'charge.succeeded', '--wait', '--url', sandbox.url]
    const [plain, forced, none] = await Promise.all([
      spawnCli(args, { cwd }),
      spawnCli(args, { cwd, env: { FORCE_COLOR: '1' } }),
      spawnCli([...args, '--no-color'], { cwd, env: { FORCE_COLOR: '1' } }),
    ])
    expect(plain.stderr).not.toContain('\u001b')
    expect(forced.stderr).toContain('\u001b')
    expect(none.stderr).not.toContain('\u001b')
    expect(forced.stdout).not.toContain('\u001b')
  })
})

describe('sign and verify', () => {
  it('go round, over files and pipes, and with the receiver', async () => {
    const body = JSON.stringify(eventFixture('red_envelope.sent', { object: { subject: '红包' } }))
    const signed = await spawnCli(['sign'], { cwd, input: body })
    expect(signed).toMatchObject({ status: 0, stderr: '' })
    const signature = signed.stdout.trim()
    const [valid, invalid, printed] = await Promise.all([
      spawnCli(['verify', '-', '--signature', signature], { cwd, input: body }),
      spawnCli(['verify', '--signature', signature, '--json'], { cwd, input: `${body}\n` }),
      spawnCli(['keys', 'print', '--public'], { cwd }),
    ])
    expect(valid).toMatchObject({ status: 0, stdout: 'valid\n' })
    expect(invalid.status).toBe(6)
    expect(jsonLines(invalid.stdout)).toEqual([
      {
        valid: false,
        code: 'signature-mismatch',
        cause: 'A line break was added at the end of the body, as editors and `echo` do.',
      },
    ])
    const webhooks = createWebhooks({ publicKey: printed.stdout, logger: false })
    webhooks.on('*', () => {})
    const reply = await webhooks.handle({
      method: 'POST',
      header: (name) => (name === 'x-pingplusplus-signature' ? signature : undefined),
      body: () => Promise.resolve(Buffer.from(body)),
    })
    expect(reply.outcome).toBe('handled')
  })
})

describe('the command', () => {
  it('is run by Node as it stands in the package', () => {
    const manifest = JSON.parse(
      readFileSync(join(import.meta.dirname, '../package.json'), 'utf8'),
    ) as { bin: Record<string, string>; version: string }
    const path = join(import.meta.dirname, '..', manifest.bin['hongbao-sandbox'] ?? '')
    expect(readFileSync(path, 'utf8')).toMatch(/^#!\/usr\/bin\/env node\n/)
    const { stdout } = spawnSync(process.execPath, [path, '--version'], { encoding: 'utf8' })
    expect(stdout).toBe(`${manifest.version}\n`)
  })
})

const ENVELOPE = {
  app: { id: 'app_1Gqj58ynP0mHeX1q' },
  channel: 'wx_pub',
  order_no: '20260217',
  amount: 888,
  currency: 'cny',
  recipient: 'o9zpMs7Xk9e9aJbTXgufovuWGp7c',
  subject: '新年红包',
  body: '恭喜发财',
  description: '春节活动',
  extra: { send_name: '红包商店' },
}

async function openSandbox(options: SandboxOptions = {}): Promise<Sandbox> {
  const sandbox = await startSandbox(options)
  closing.push(() => sandbox.close())
  return sandbox
}

function cli(sandbox: Sandbox, ...args: string[]): Promise<Ended> {
  return spawnCli([...args, '--url', sandbox.url], { cwd })
}

type Ready = Extract<JournalRecord, { readonly type: 'ready' }>

/** Starts the command with `--json`, and waits for its first line. */
async function startReady(args: readonly string[]) {
  const child = startCli(args, { cwd })
  closing.push(() => child.kill('SIGKILL'))
  const ended = endOf(child)
  const lines = createInterface({ input: child.stdout ?? process.stdin })
  const [line] = await once(lines, 'line')
  return { child, ready: JSON.parse(String(line)) as Ready, ended }
}

/** An app that answers 200; `received` resolves with its first request. */
async function openApp(): Promise<{ url: string; received: Promise<unknown> }> {
  const server: Server = createServer((request, response) => {
    request.resume().on('end', () => response.end())
  })
  const received = once(server, 'request')
  await once(server.listen(0, '127.0.0.1'), 'listening')
  closing.push(() => server.close())
  const { port } = server.address() as AddressInfo
  return { url: `http://127.0.0.1:${port}/webhooks`, received }
}
