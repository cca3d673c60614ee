import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { writeFileSync, readFileSync, existsSync } from 'node:fs'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest'
import { PATIENCE_MS } from '../../../test/patience.ts'
import { openKeys } from '../src/keys/keys.ts'
import type { SandboxOptions } from '../src/options.ts'
import type { Sandbox } from '../src/sandbox.ts'
import { startSandbox } from '../src/start.ts'
import {
  endOf,
  jsonLines,
  runCli,
  spawnCli,
  startCli,
  temporaryFolder,
  type Ended,
} from './cli-process.ts'

const folder = temporaryFolder()
const cwd = folder.path
const dir = join(cwd, '.hongbao')
const closing: (() => unknown)[] = []

beforeAll(() => openKeys(dir))
afterEach(async () => {
  for (const close of closing.splice(0)) await close()
})
afterAll(folder.remove)

describe('target', () => {
  it('is shown, set by a port, and unset', async () => {
    const sandbox = await open()
    expect((await cli(sandbox, 'target')).stderr).toContain('none: notifications are kept')
    expect(await cli(sandbox, 'target', 'set', '3000')).toMatchObject({
      status: 0,
      stdout: 'http://localhost:3000/webhooks\n',
    })
    expect(sandbox.target).toBe('http://localhost:3000/webhooks')
    expect((await cli(sandbox, 'target', '--json')).stdout).toBe(
      '{"target":"http://localhost:3000/webhooks"}\n',
    )
    await cli(sandbox, 'target', 'unset')
    expect(sandbox.target).toBeNull()
  })

  it.each([
    ['http://192.0.2.7/', 'not on this machine'],
    ['webhooks', 'The target must be a URL'],
  ])('is not %s', async (url, message) => {
    const sandbox = await open()
    const { status, stderr } = await cli(sandbox, 'target', 'set', url)
    expect([status, stderr]).toEqual([2, expect.stringContaining(message)])
  })

  it('is what `events resend` asks for, by the command that sets it', async () => {
    const sandbox = await open()
    sandbox.trigger('charge.succeeded')
    const { status, stderr } = await cli(sandbox, 'events', 'resend', 'last')
    expect(status).toBe(2)
    expect(stderr).toContain('hongbao-sandbox target set http://localhost:3000/webhooks')
    expect(stderr).not.toContain('setTarget')
  })
})

describe('status', () => {
  it('has target, clock, counts and key', async () => {
    const sandbox = await open({ clock: 'virtual' })
    sandbox.trigger('red_envelope.sent')
    const { stdout } = await cli(sandbox, 'status')
    expect(stdout).toContain(`${sandbox.url}/v1`)
    expect(stdout).toMatch(/events +1 undelivered/)
    expect(stdout).toMatch(/envelopes +1\n/)
    expect(stdout).toContain(sandbox.keyFingerprint.slice(0, 16))
    const [state] = jsonLines((await cli(sandbox, 'status', '--json')).stdout)
    expect(state).toMatchObject({ url: sandbox.url, target: null })
  })
})

describe('the key of `status`', () => {
  it('has its folder beside it only if the sandbox signs with the key of that folder', async () => {
    const { webhook } = await openKeys(dir)
    const own = await open({ privateKey: { path: webhook.privatePath } })
    const foreign = await open()
    const [ownStatus, foreignStatus] = [
      await cli(own, 'status', '--dir', dir),
      await cli(foreign, 'status', '--dir', dir),
    ]
    expect(ownStatus.stdout).toContain(`${own.keyFingerprint.slice(0, 16)}  ${dir}`)
    expect(foreignStatus.stdout).toContain(foreign.keyFingerprint.slice(0, 16))
    expect(foreignStatus.stdout).not.toContain(dir)
  })
})

describe('envelopes', () => {
  it('are listed with amount, status and next step, and shown', async () => {
    const sandbox = await open({ clock: 'virtual' })
    const { orderNo = '', envelope = '' } = sandbox.trigger('red_envelope.sent')
    expect((await cli(sandbox, 'envelopes')).stdout).toMatch(
      new RegExp(`^${envelope} {2}${orderNo} {2}sent {2}¥1\\.00 {2}refunding .+\\n$`),
    )
    const { stdout } = await cli(sandbox, 'envelopes', 'show', orderNo)
    expect(JSON.parse(stdout)).toMatchObject({ id: envelope, status: 'sent' })
  })
})

describe('the clock', () => {
  it('goes to the next delivery; --any goes to what else is due', async () => {
    const sandbox = await open({ target: () => new Response(), clock: 'virtual' })
    sandbox.trigger('red_envelope.sent')
    await sandbox.clock.settled()
    const before = sandbox.clock.now()
    const now = await cli(sandbox, 'clock')
    expect(now.stderr).toContain('No delivery is scheduled.')
    expect(now.stderr).toContain('expires or is refunded in 1d (clock next --any)')
    const next = await cli(sandbox, 'clock', 'next')
    expect(next).toMatchObject({ status: 0 })
    expect(sandbox.clock.now()).toBe(before)
    await cli(sandbox, 'clock', 'next', '--any')
    expect(sandbox.clock.now() - before).toBeGreaterThanOrEqual(24 * 3_600_000 - 1000)
  })

  it('is set back by reset, after which the app takes events again', async () => {
    const sandbox = await open({ clock: 'virtual' })
    await cli(sandbox, 'clock', 'advance', '25h')
    const { status, stderr } = await cli(sandbox, 'reset')
    expect([status, stderr]).toEqual([0, expect.not.stringContaining('warning')])
    expect(Math.abs(sandbox.clock.now() - Date.now())).toBeLessThan(60_000)
    expect(sandbox.events()).toEqual([])
  })
})

describe('tail', () => {
  it('prints what happens from now on, and ends with the sandbox', async () => {
    const sandbox = await open({ target: () => new Response(), clock: 'virtual' })
    sandbox.trigger('charge.failed')
    await sandbox.clock.settled()
    const tail = startCli(['tail', '--json', '--url', sandbox.url], { cwd })
    const lines = createInterface({ input: tail.stdout ?? process.stdin })
    const first = once(lines, 'line')
    const ended = endOf(tail)
    const made: string[] = []
    // Until it listens: events from before are not for it.
    const trigger = setInterval(() => made.push(sandbox.trigger('charge.succeeded').id), 100)
    await first
    clearInterval(trigger)
    await sandbox.close()
    const { status, stdout, stderr } = await ended
    expect(status).toBe(3)
    expect(stderr).toContain('has ended')
    const records = jsonLines<{ type: string; eventType?: string }>(stdout)
    expect(records.map(({ eventType }) => eventType)).not.toContain('charge.failed')
    expect(records.map(({ type }) => type)).toContain('attempt.started')
  })

  it('is not ended by --timeout, but by Ctrl-C, with 130', async () => {
    const sandbox = await open()
    const tail = startCli(['tail', '--timeout', '1s', '--url', sandbox.url], { cwd })
    const seen = once(tail.stdout ?? process.stdin, 'data')
    const ended = endOf(tail)
    const started = Date.now()
    const trigger = setInterval(() => {
      if (Date.now() - started > 3000) sandbox.trigger('charge.succeeded')
    }, 200)
    await seen
    clearInterval(trigger)
    tail.kill('SIGINT')
    expect(await ended).toMatchObject({ status: 130, stdout: expect.stringContaining('kept') })
  })
})

describe('a trigger is one line at least on the terminal of `start`', () => {
  it('without a target, held back by a fault, or sent', async () => {
    const app = await openApp()
    const child = startCli(['start', '--port', '0'], { cwd })
    closing.push(() => child.kill('SIGKILL'))
    let said = ''
    child.stderr?.setEncoding('utf8').on('data', (text: string) => (said += text))
    const expectSaid = (words: string | RegExp) =>
      vi.waitFor(() => expect(said).toMatch(words), PATIENCE_MS)
    await expectSaid('/v1')
    const step = async (...args: string[]) => {
      const { status, stderr } = await spawnCli(args, { cwd })
      expect([status, stderr]).toEqual([0, expect.not.stringContaining('error')])
    }
    await step('trigger', 'charge.succeeded')
    await expectSaid(/○ {2}\S+ +charge\.succeeded {2}kept/)
    await step('target', 'set', app)
    await step('fault', 'add', 'delay')
    await step('trigger', 'charge.failed')
    await expectSaid(/… {2}\S+ +charge\.failed {2}held back for 1m/)
    await step('fault', 'add', 'reorder')
    await step('trigger', 'order.succeeded')
    await expectSaid(/… {2}\S+ +order\.succeeded {2}held back until/)
    await step('trigger', 'transfer.succeeded')
    await expectSaid(/→ {2}\S+ +transfer\.succeeded {2}1\/11/)
  })
})

describe('open', () => {
  it.runIf(process.platform !== 'win32')('starts the browser with the address', async () => {
    const sandbox = await open()
    const browser = join(cwd, 'browser.sh')
    const opened = join(cwd, 'opened.txt')
    writeFileSync(browser, `#!/bin/sh\necho "$1" > ${opened}\n`, { mode: 0o755 })
    const args = ['open', '--url', sandbox.url]
    const { status, stdout, stderr } = await spawnCli(args, { cwd, env: { BROWSER: browser } })
    expect([status, stdout, stderr]).toEqual([0, `${sandbox.url}/\n`, ''])
    expect(readFileSync(opened, 'utf8')).toBe(`${sandbox.url}/\n`)
  })

  it('prints it where no browser can be started', async () => {
    const sandbox = await open()
    const args = ['open', '--url', sandbox.url]
    const env = { BROWSER: join(cwd, 'no-such-browser') }
    const { status, stdout, stderr } = await spawnCli(args, { cwd, env })
    expect([status, stdout]).toEqual([0, `${sandbox.url}/\n`])
    expect(stderr).toContain('open this address')
    expect(existsSync(env.BROWSER)).toBe(false)
  })
})

describe('doctor', () => {
  it('prints a row for each check, and ends with 7 if one failed', async () => {
    const app = await openApp()
    const { status, stdout, stderr } = await runCli(['doctor', '--target', app, '--dir', dir])
    expect(status).toBe(7)
    expect(stdout).toMatch(/^✓ {2}a genuine notification/m)
    expect(stdout).toMatch(/^✗ {2}signed with another key +Accepted with 200: anyone/m)
    expect(stderr).toContain('2 of 9 checks failed.')
  })

  it('is JSON when asked, and Chinese when asked', async () => {
    const app = await openApp()
    const args = ['doctor', '--target', app, '--dir', dir, '--type', 'charge.succeeded']
    const { stdout } = await runCli([...args, '--json', '--lang', 'zh'])
    const checks = jsonLines(stdout)
    expect(checks).toHaveLength(8)
    expect(checks[1]).toMatchObject({ name: 'forged', verdict: 'fail', statuses: [200] })
    expect(String(checks[1]?.['message'])).toContain('伪造')
  })

  it('counts what the app has applied by --count-url', async () => {
    const app = await openApp()
    const count = app.replace('/webhooks', '/count')
    const args = ['doctor', '--target', app, '--dir', dir, '--count-url', count, '--json']
    const checks = jsonLines((await runCli(args)).stdout)
    const later = checks.find(({ name }) => name === 'duplicate-later')
    expect(later).toMatchObject({ verdict: 'fail', statuses: [200, 200] })
  })

  it('sends an order that the app knows', async () => {
    const orders = new Set<string>()
    const app = await openApp((body) => {
      const { data } = JSON.parse(body) as { data: { object: { order_no: string } } }
      orders.add(data.object.order_no)
    })
    await runCli(['doctor', '--target', app, '--dir', dir, '--set', 'order_no=20260217'])
    expect([...orders]).toEqual(['20260217'])
  })

  it('asks for an app, and for a page that has a number', async () => {
    const sandbox = await open()
    const nameless = await cli(sandbox, 'doctor', '--dir', dir)
    expect(nameless).toMatchObject({ status: 2, stderr: expect.stringContaining('--target') })
    const app = await openApp()
    const args = ['doctor', '--target', app, '--dir', dir, '--count-url', `${app}/none`]
    expect(await runCli(args)).toMatchObject({
      status: 2,
      stderr: expect.stringContaining('did not return a number'),
    })
  })
})

describe('errors', () => {
  it('are JSON with --json also where the usage is wrong', async () => {
    const { status, stdout, stderr } = await runCli(['start', '--json', '--prot', '1'])
    expect([status, stdout]).toEqual([2, ''])
    expect(JSON.parse(stderr)).toEqual({
      error: {
        code: 'usage',
        message: expect.stringContaining('Did you mean --port?') as string,
      },
    })
  })

  it.each(['', '.', '..'])('name %j, which is not an id, in both languages', async (id) => {
    const commands = [
      'events show',
      'events resend',
      'envelopes show',
      'envelopes move',
      'fault rm',
    ]
    for (const command of commands) {
      const words = [...command.split(' '), id, ...(command.endsWith('move') ? ['sent'] : [])]
      const name = command.startsWith('envelopes') ? '<envelope>' : '<id>'
      expect(await runCli(words)).toMatchObject({
        status: 2,
        stderr: `error: ${name} "${id}" is not an id.\n`,
      })
      const { stderr } = await runCli([...words, '--lang', 'zh'])
      expect(stderr).toContain(`${name} 的值“${id}”不是有效的 id`)
    }
  })

  it('name a type that there is not, in a sentence', async () => {
    const { status, stderr } = await runCli(['doctor', '--type', 'bogus'])
    expect([status, stderr]).toEqual([
      2,
      expect.stringContaining('"bogus" is not a known event type of Ping++.'),
    ])
  })

  it('of the sandbox are Chinese when asked, with what was asked for', async () => {
    const sandbox = await open()
    const unknown = await cli(sandbox, 'events', 'show', 'evt_1', '--lang', 'zh')
    expect(unknown.stderr).toBe(
      '错误：没有 id 为 "evt_1" 的事件。查看全部事件：hongbao-sandbox events\n',
    )
    const type = await cli(sandbox, 'trigger', 'charge.suceeded', '--lang', 'zh')
    expect(type.stderr).toContain('是否想输入 charge.succeeded？')
  })
})

async function open(options: SandboxOptions = {}): Promise<Sandbox> {
  const sandbox = await startSandbox(options)
  closing.push(() => sandbox.close())
  return sandbox
}

function cli(sandbox: Sandbox, ...args: string[]): Promise<Ended> {
  return runCli([...args, '--url', sandbox.url])
}

/** An app that takes everything, and has a page that says how often. */
async function openApp(see: (body: string) => void = () => {}): Promise<string> {
  let applied = 0
  const server = createServer((request, response) => {
    if (request.url === '/webhooks') applied += 1
    const isCount = request.url === '/count'
    let body = ''
    request.setEncoding('utf8').on('data', (text: string) => (body += text))
    request.on('end', () => {
      if (!isCount) see(body)
      response.end(isCount ? String(applied) : '')
    })
  })
  await once(server.listen(0, '127.0.0.1'), 'listening')
  closing.push(
    () => server.closeAllConnections(),
    () => server.close(),
  )
  const { port } = server.address() as AddressInfo
  return `http://127.0.0.1:${port}/webhooks`
}
