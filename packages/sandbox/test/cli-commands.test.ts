import { once } from 'node:events'
import { createTestKeys } from '@hongbao/core/testing'
import { readPrivateKey, signBytes } from '@hongbao/core/internal'
import {
  chmodSync,
  existsSync,
  mkdirSync,
  readFileSync,
  readdirSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { parseEnv } from 'node:util'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { COMMANDS } from '../src/cli/commands.ts'
import { openKeys } from '../src/keys/keys.ts'
import { startSandbox } from '../src/start.ts'
import type { Sandbox } from '../src/sandbox.ts'
import type { SandboxOptions } from '../src/options.ts'
import { jsonLines, runCli, temporaryFolder, type Ended } from './cli-process.ts'

const HAS_MODES = process.platform !== 'win32'
const folder = temporaryFolder()
const dir = join(folder.path, '.hongbao')
const opened: Sandbox[] = []

beforeAll(() => openKeys(dir))
afterEach(async () => {
  await Promise.all(opened.splice(0).map((sandbox) => sandbox.close()))
})
afterAll(folder.remove)

describe('trigger', () => {
  it('prints the id of what it made, in a state that fits its type', async () => {
    const sandbox = await open()
    const { status, stdout, stderr } = await cli(sandbox, 'trigger', 'red_envelope.received')
    const [event] = sandbox.events()
    expect([status, stdout]).toEqual([0, `${event?.id}\n`])
    expect(stderr).toContain('There is no target')
    expect(objectOf(sandbox)).toMatchObject({ object: 'red_envelope', status: 'received' })
  })

  it('sets fields by their path, each of the kind that the event has', async () => {
    const sandbox = await open()
    const changes = [
      'amount=500',
      'order_no=123',
      'object.extra.send_name=小红',
      'data.object.metadata={"级别":1}',
      'failure_msg=余额不足',
    ]
    const args = changes.flatMap((change) => ['--set', change])
    expect(await cli(sandbox, 'trigger', 'red_envelope.sent', ...args)).toMatchObject({ status: 0 })
    expect(objectOf(sandbox)).toMatchObject({
      amount: 500,
      order_no: '123',
      extra: { send_name: '小红' },
      metadata: { 级别: 1 },
      failure_msg: '余额不足',
    })
  })

  it.each([
    ['ammount=5', 'has no such field. It has: id, object'],
    ['amount=1.5', '--set amount must be an integer'],
    ['amount=five', '--set amount must be an integer'],
    ['livemode=maybe', '--set livemode must be true or false'],
    ['amount.fen=5', '--set amount.fen: there is no object'],
    ['__proto__.x=1', 'Expected a field and a value: amount=500'],
    ['amount', 'Expected a field and a value: amount=500'],
    ['order_no=A17', '--set order_no must be 1 to 28 digits'],
    [`order_no=${'1'.repeat(29)}`, '--set order_no must be 1 to 28 digits'],
    ['order_no=', '--set order_no must be 1 to 28 digits'],
  ])('refuses --set %s', async (change, message) => {
    const sandbox = await open()
    const { status, stderr } = await cli(sandbox, 'trigger', 'red_envelope.sent', '--set', change)
    expect([status, stderr]).toEqual([2, expect.stringContaining(message)])
    expect(sandbox.events()).toEqual([])
  })

  it('points to --order-no where an order number was used before', async () => {
    const sandbox = await open()
    const args = ['trigger', 'red_envelope.sent', '--set', 'order_no=17']
    expect(await cli(sandbox, ...args)).toMatchObject({ status: 0 })
    const { status, stderr } = await cli(sandbox, ...args)
    expect([status, stderr]).toEqual([2, expect.stringContaining('(--order-no)')])
  })

  it('leaves order numbers of other things as they are', async () => {
    const sandbox = await open()
    const args = ['trigger', 'charge.succeeded', '--set', 'order_no=A17']
    expect(await cli(sandbox, ...args)).toMatchObject({ status: 0 })
    expect(objectOf(sandbox)).toMatchObject({ order_no: 'A17' })
  })

  it('tells of an envelope that exists, by id or order number', async () => {
    const sandbox = await open()
    const { envelope = '', orderNo = '' } = sandbox.trigger('red_envelope.sent')
    await cli(sandbox, 'trigger', 'red_envelope.received', '--order-no', orderNo)
    await cli(sandbox, 'trigger', 'red_envelope.received', '--envelope', envelope)
    expect(sandbox.events().map((event) => event.envelope)).toEqual([envelope, envelope, envelope])
    const unknown = await cli(sandbox, 'trigger', 'red_envelope.sent', '--order-no', '404')
    expect(unknown).toMatchObject({ status: 2, stderr: expect.stringContaining('"404"') })
  })

  it('makes several', async () => {
    const sandbox = await open()
    const { stdout } = await cli(sandbox, 'trigger', 'charge.succeeded', '--times', '3')
    const ids = sandbox.events().map(({ id }) => `${id}\n`)
    expect(ids).toHaveLength(3)
    expect(stdout).toBe(ids.join(''))
  })

  it('waits for the answer: 0 for 2xx, 4 for others and for no target', async () => {
    let answer = 200
    const target = () => new Response(null, { status: answer })
    const sandbox = await open({ target, clock: 'virtual' })
    expect((await cli(sandbox, 'trigger', 'charge.failed', '--wait')).status).toBe(0)
    answer = 302
    expect((await cli(sandbox, 'trigger', 'charge.failed', '--wait')).status).toBe(4)
    sandbox.setTarget(undefined)
    const nowhere = await cli(sandbox, 'trigger', 'charge.failed', '--wait')
    expect(nowhere).toMatchObject({ status: 4, stderr: expect.stringContaining('no target') })
  })

  it('counts a lost answer as none', async () => {
    const sandbox = await open({ target: () => new Response(), clock: 'virtual' })
    sandbox.faults.add('answer-lost')
    const { status, stderr } = await cli(sandbox, 'trigger', 'charge.failed', '--wait')
    expect([status, stderr]).toEqual([4, expect.stringContaining('answer-lost')])
  })

  it('waits no longer than --timeout, and ends with 5', async () => {
    const sandbox = await open({ target: () => new Promise<Response>(() => {}) })
    const args = ['trigger', 'charge.failed', '--wait', '--timeout', '200ms']
    expect(await cli(sandbox, ...args)).toMatchObject({
      status: 5,
      stderr: expect.stringContaining('--timeout'),
    })
  })

  it('lists what Ping++ has webhooks for, without a sandbox', async () => {
    const { status, stdout } = await runCli(['trigger', '--list'])
    const types = stdout.trimEnd().split('\n')
    expect(status).toBe(0)
    expect(types).toEqual(expect.arrayContaining(['red_envelope.sent', 'order_refund.succeeded']))
    expect(types.filter((type) => /red_envelope\.(?:refund|refunding|failed)/.test(type))).toEqual(
      [],
    )
  })

  it.each([
    [[], 'An event type is missing'],
    [['red_envelope.bought'], '"red_envelope.bought"'],
    [['red_envelop.sent'], 'Did you mean red_envelope.sent? All of them: npx hongbao-sandbox'],
    [['red_envelop.sent', '--set', 'amount=5'], 'Did you mean red_envelope.sent?'],
    [['charge.suceeded'], 'Did you mean charge.succeeded?'],
    [['Charge.Succeeded'], 'Did you mean charge.succeeded?'],
    [['paid'], 'of Ping++. All of them'],
    [['red_envelope.refund'], 'sends no webhook'],
    [['charge.failed', '--times', '0'], 'Expected a whole number from 1 to 999,999'],
    [['charge.failed', '--envelope', 'red_1', '--order-no', '1'], 'not both'],
    [['charge.failed', 'charge.succeeded'], 'Unexpected argument "charge.succeeded"'],
    [['charge.failed', '--no-such'], 'Unknown option --no-such. Valid: --url'],
    [['charge.failed', '--ordr-no', '1'], 'Did you mean --order-no?'],
    [['charge.failed', '--envelope'], 'A value is missing: --envelope <id>.'],
    [['charge.failed', '--wait=yes'], '--wait takes no value.'],
  ])('refuses %j', async (args, message) => {
    const sandbox = await open()
    const { status, stdout, stderr } = await cli(sandbox, 'trigger', ...args)
    expect([status, stdout, stderr]).toEqual([2, '', expect.stringContaining(message)])
  })
})

describe('events', () => {
  it('are listed with what became of them', async () => {
    const sandbox = await open({
      target: () => new Response(null, { status: 500 }),
      clock: 'virtual',
    })
    const { id } = sandbox.trigger('charge.succeeded')
    await sandbox.clock.drain()
    const { stdout } = await cli(sandbox, 'events')
    expect(stdout.trimEnd().split(/ {2,}/)).toEqual([
      id,
      'charge.succeeded',
      'exhausted',
      '11 (500)',
      expect.any(String),
      '-',
    ])
    expect((await cli(sandbox, 'events', '--status', 'delivered')).stdout).toBe('')
    expect(jsonLines((await cli(sandbox, 'events', '--json')).stdout)).toMatchObject([
      { id, attemptCount: 11, lastAttempt: { n: 11, status: 500 } },
    ])
  })

  it('are shown with body and answers, of which no terminal takes orders', async () => {
    const target = () => new Response('\u001b[2J\u202e红包\n', { status: 500 })
    const sandbox = await open({ target, clock: 'virtual' })
    const { bytes, signature } = sandbox.trigger('red_envelope.sent')
    await sandbox.clock.settled()
    const { stdout } = await cli(sandbox, 'events', 'show', 'last')
    expect(stdout).toContain(bytes.toString())
    expect(stdout).toContain(signature)
    expect(stdout).toContain(' 红包\n')
    expect(stdout).not.toContain('\u001b')
    expect(stdout).not.toContain('\u202e')
  })

  it('are sent again, and envelopes are moved', async () => {
    const received: string[] = []
    const target = async (request: Request) => {
      received.push(await request.text())
      return new Response()
    }
    const sandbox = await open({ target, clock: 'virtual' })
    const { id, orderNo = '' } = sandbox.trigger('red_envelope.sent')
    await sandbox.clock.settled()
    expect((await cli(sandbox, 'events', 'resend', id)).stdout).toBe(`${id}\n`)
    await sandbox.clock.settled()
    expect(received).toEqual([received[0], received[0]])
    await cli(sandbox, 'envelopes', 'move', orderNo, 'received')
    expect(sandbox.envelope(orderNo)).toMatchObject({ status: 'received' })
    const refused = await cli(sandbox, 'envelopes', 'move', orderNo, 'sent')
    expect(refused).toMatchObject({ status: 2, stderr: expect.stringContaining('which is final') })
  })
})

describe('clock', () => {
  it('is told, moved by a duration, to what is next, and to the end', async () => {
    const startMs = Date.UTC(2026, 0, 1)
    const target = () => new Response(null, { status: 500 })
    const sandbox = await open({ target, clock: 'virtual', startMs })
    sandbox.trigger('charge.failed')
    await sandbox.clock.settled()
    const clock = async (...args: string[]) => (await cli(sandbox, 'clock', ...args)).stdout
    expect(await clock()).toBe('2026-01-01T00:00:00.000Z\n')
    expect(await clock('next')).toBe('2026-01-01T00:00:05.000Z\n')
    expect(await clock('advance', '1h30m')).toBe('2026-01-01T01:30:05.000Z\n')
    const { stdout, stderr } = await cli(sandbox, 'clock', 'drain')
    expect(stdout).toBe('2026-01-02T00:47:15.000Z\n')
    expect(stderr).toContain('Nothing is scheduled.')
    expect(sandbox.events()).toMatchObject([{ status: 'exhausted' }])
  })

  it.each([
    ['drain', []],
    ['advance', ['30h']],
  ])('%s warns that an app refuses what is dated an hour ahead or more', async (move, args) => {
    const sandbox = await open({ clock: 'virtual' })
    // A minute more, for a machine that is slow.
    sandbox.clock.at(sandbox.clock.now() + 30 * 3_600_000 + 60_000, () => {}, 'delivery')
    expect((await cli(sandbox, 'clock')).stderr).not.toContain('warning')
    expect((await cli(sandbox, 'clock', 'advance', '50m')).stderr).not.toContain('warning')
    const { status, stdout, stderr } = await cli(sandbox, 'clock', move, ...args)
    expect(status).toBe(0)
    expect(stdout).toBe(`${new Date(sandbox.clock.now()).toISOString()}\n`)
    expect(stderr).toMatch(
      /warning: The sandbox is 1d 6h ahead of this machine.*\(403, event-from-future\)/,
    )
    expect(stderr).toMatch(/now: \(\) => Date\.now\(\) \+ 1\d{8} .*hongbao-sandbox reset/)
  })

  it('is not moved back, and says so', async () => {
    const sandbox = await open({ clock: 'virtual' })
    const { status, stderr } = await cli(sandbox, 'clock', 'advance', '-2h')
    expect([status, stderr]).toEqual([
      2,
      expect.stringContaining('The clock can only move forward.'),
    ])
    expect((await cli(sandbox, 'clock', 'advance', '2h', '--no-such')).status).toBe(2)
  })

  it.each(['', '5', '5x', '1 h', 'h'])('is not moved by "%s"', async (duration) => {
    const sandbox = await open({ clock: 'virtual' })
    const { status, stderr } = await cli(sandbox, 'clock', 'advance', '--', duration)
    expect([status, stderr]).toEqual([2, expect.stringContaining('500ms, 90s, 10m, 25h')])
  })
})

describe('fault', () => {
  it('is added with all that a rule can say', async () => {
    const sandbox = await open()
    const matched = ['--match', 'type=red_envelope.sent', '--match', 'order-no=123']
    const lost = ['answer-lost', '--attempt', '1..2', '--times', '3', '--probability', '0.2']
    const added = await cli(sandbox, 'fault', 'add', ...lost, ...matched)
    expect(added).toEqual({ status: 0, stdout: 'fault_1\n', stderr: '' })
    await cli(sandbox, 'fault', 'add', 'duplicate', '--copies', '3', '--how', 'at-once')
    await cli(
      sandbox,
      'fault',
      'add',
      'delay',
      '--delay',
      '5m',
      '--attempt',
      '1',
      '--times',
      'always',
    )
    await cli(sandbox, 'fault', 'add', 'slow-body', '--chunk-bytes', '8', '--chunk-pause', '2ms')
    await cli(sandbox, 'fault', 'add', 'api-error', '--status', '503', '--retry-after', '7')
    await cli(
      sandbox,
      'fault',
      'add',
      'api-latency',
      '--latency',
      '2s',
      '--match',
      'operation=list',
    )
    await cli(
      sandbox,
      'fault',
      'add',
      'channel-failure',
      '--code',
      'red_system_busy',
      '--committed',
    )
    expect(sandbox.faults.list()).toEqual([
      {
        id: 'fault_1',
        fired: 0,
        kind: 'answer-lost',
        attempt: [1, 2],
        times: 3,
        probability: 0.2,
        match: { type: 'red_envelope.sent', orderNo: '123' },
      },
      expect.objectContaining({ kind: 'duplicate', copies: 3, how: 'at-once' }),
      expect.objectContaining({ kind: 'delay', delayMs: 300_000, attempt: 1, times: Infinity }),
      expect.objectContaining({ kind: 'slow-body', chunkBytes: 8, chunkMs: 2 }),
      expect.objectContaining({ kind: 'api-error', status: 503, retryAfterSeconds: 7 }),
      expect.objectContaining({ latencyMs: 2000, match: { operation: 'list' } }),
      expect.objectContaining({ code: 'red_system_busy', committed: true }),
    ])
  })

  it('is listed, ended, and cleared', async () => {
    const sandbox = await open()
    sandbox.faults.add('delay', { times: Infinity })
    sandbox.faults.add('duplicate')
    sandbox.faults.add('timeout')
    const { stdout } = await cli(sandbox, 'fault')
    expect(stdout.split('\n')[0]).toBe('fault_1  delay      fired 0×  times="always"')
    expect((await cli(sandbox, 'fault', 'rm', 'fault_1')).status).toBe(0)
    expect((await cli(sandbox, 'fault', 'rm', 'fault_1')).status).toBe(2)
    expect((await cli(sandbox, 'fault', 'clear')).stdout).toBe('2\n')
    expect(sandbox.faults.list()).toEqual([])
  })

  it.each([
    [['bad-luck'], 'Valid: answer-lost, timeout'],
    [['anser-lost'], 'Did you mean answer-lost?'],
    [[], '<kind> is missing'],
    [['answer-lost', '--attempt', '0'], '`attempt` must be'],
    [['answer-lost', '--attempt', '1-2'], 'Expected a number or a range: 2, 1..3.'],
    [['answer-lost', '--probability', '2'], '`probability` must be'],
    [['answer-lost', '--match', 'color=red'], 'type=red_envelope.sent'],
    [['answer-lost', '--match', 'type=red_envelope.send'], 'Did you mean red_envelope.sent?'],
    [['answer-lost', '--status', '500'], '`status` is only for api-error'],
  ])('refuses %j', async (args, message) => {
    const sandbox = await open()
    const { status, stderr } = await cli(sandbox, 'fault', 'add', ...args)
    expect([status, stderr]).toEqual([2, expect.stringContaining(message)])
    expect(sandbox.faults.list()).toEqual([])
  })
})

describe('keys', () => {
  it('are shown with paths and fingerprints, and no private text', async () => {
    const { webhook, merchant, apiKey } = await openKeys(dir)
    const { stdout } = await runCli(['keys', '--dir', dir, '--json'])
    expect(jsonLines(stdout)).toMatchObject([
      {
        directory: dir,
        apiKey,
        webhook: { fingerprint: webhook.fingerprint, privatePath: webhook.privatePath },
        merchant: { fingerprint: merchant.fingerprint, publicPath: merchant.publicPath },
      },
    ])
    expect(stdout).not.toContain('-----BEGIN')
    expect((await runCli(['keys', '--dir', dir])).stdout).toContain(webhook.fingerprint)
  })

  it('are printed one at a time', async () => {
    const { webhook, merchant, apiKey } = await openKeys(dir)
    const print = async (...args: string[]) =>
      (await runCli(['keys', 'print', '--dir', dir, ...args])).stdout
    expect(await print('--public')).toBe(webhook.publicKey)
    expect(await print('--api-key')).toBe(`${apiKey}\n`)
    expect(await print('--merchant-private', '--path')).toBe(`${merchant.privatePath}\n`)
    expect(await print('--merchant-private')).toBe(readFileSync(merchant.privatePath, 'utf8'))
    expect(await runCli(['keys', 'print', '--dir', dir])).toMatchObject({ status: 2, stdout: '' })
  })

  it.runIf(HAS_MODES)('are made where there are none, closed to others and to git', async () => {
    const fresh = temporaryFolder()
    const own = join(fresh.path, '.hongbao')
    await runCli(['keys', '--dir', own])
    expect(readFileSync(join(own, '.gitignore'), 'utf8')).toBe('*\n')
    const modes = [own, join(own, 'webhook-private.pem')].map((path) => statSync(path).mode & 0o777)
    expect(modes).toEqual([0o700, 0o600])
    fresh.remove()
  })

  it('are rotated by name', async () => {
    const fresh = temporaryFolder()
    const before = await openKeys(fresh.path)
    const { stderr } = await runCli(['keys', 'rotate', 'merchant', '--dir', fresh.path])
    const after = await openKeys(fresh.path)
    expect(after.merchant.fingerprint).not.toBe(before.merchant.fingerprint)
    expect(after.webhook).toEqual(before.webhook)
    expect(stderr).toContain('start it again')
    expect((await runCli(['keys', 'rotate', 'all', '--dir', fresh.path])).status).toBe(2)
    fresh.remove()
  })

  it('never take a folder of other things', async () => {
    const other = temporaryFolder()
    writeFileSync(join(other.path, 'app.ts'), '')
    const { status, stderr } = await runCli(['keys', '--dir', other.path])
    expect([status, stderr]).toEqual([2, expect.stringContaining('holds other things')])
    expect(readdirSync(other.path)).toEqual(['app.ts'])
    other.remove()
  })
})

describe('env', () => {
  it('prints lines for .env, which Node reads as they are', async () => {
    const { apiKey, webhook, merchant } = await openKeys(dir)
    const sandbox = await open({ privateKey: { path: webhook.privatePath } })
    const { status, stdout, stderr } = await cli(sandbox, 'env', '--dir', dir)
    expect([status, stderr]).toEqual([0, ''])
    expect(parseEnv(stdout)).toEqual({
      PINGPP_BASE_URL: sandbox.url,
      PINGPP_API_KEY: apiKey,
      PINGPP_PRIVATE_KEY: readFileSync(merchant.privatePath, 'utf8').trim(),
      PINGPP_PRIVATE_KEY_PATH: merchant.privatePath,
      PINGPP_PUBLIC_KEY: webhook.publicKey.trim(),
      PINGPP_PUBLIC_KEY_PATH: webhook.publicPath,
    })
  })

  it.each([
    ['hongbao', ["baseUrl: 'URL'", "apiKey: 'KEY'", 'privateKey: { path: ']],
    ['node', ["require('pingpp')('KEY')", "pingpp.setHost('127.0.0.1', PORT, 'http')"]],
    ['python', ["pingpp.api_base = 'URL'", "pingpp.api_key = 'KEY'"]],
    ['php', ["\\Pingpp\\Pingpp::$apiBase = 'URL';", "\\Pingpp\\Pingpp::setApiKey('KEY');"]],
    ['ruby', ["Pingpp.api_base = 'URL'", "Pingpp.api_key = 'KEY'"]],
    ['java', ['Pingpp.overrideApiBase("URL");', 'Pingpp.apiKey = "KEY";']],
    ['go', ['URL: "URL/v1"', 'pingpp.Key = "KEY"', 'merchant-private.pkcs1.pem']],
    ['csharp', ['SetApiBase("URL");', 'SetApiKey("KEY");', 'merchant-private.pkcs1.pem']],
  ])('prints how to point %s at the sandbox', async (sdk, parts) => {
    const { apiKey, webhook } = await openKeys(dir)
    const sandbox = await open({ privateKey: { path: webhook.privatePath } })
    const { stdout } = await cli(sandbox, 'env', '--dir', dir, '--sdk', sdk)
    const { port } = new URL(sandbox.url)
    for (const part of parts) {
      const expected = part
        .replace(/\bURL(?=['"/])/, sandbox.url)
        .replace('KEY', apiKey)
        .replace('PORT', port)
      expect(stdout).toContain(expected)
    }
  })

  it('warns when the sandbox has other keys', async () => {
    const sandbox = await open()
    const { stderr } = await cli(sandbox, 'env', '--dir', dir)
    expect(stderr).toContain('signs with another key')
  })

  it('makes no keys of its own', async () => {
    const sandbox = await open()
    const elsewhere = join(folder.path, 'elsewhere')
    const { status, stderr } = await cli(sandbox, 'env', '--dir', elsewhere)
    expect([status, stderr]).toEqual([2, expect.stringContaining('--dir')])
    expect(existsSync(elsewhere)).toBe(false)
  })

  it('knows no other SDK', async () => {
    expect((await runCli(['env', '--sdk', 'perl'])).status).toBe(2)
  })
})

describe('sign', () => {
  it('signs a file with the key of the folder, or with another', async () => {
    const { webhook } = await openKeys(dir)
    const file = join(folder.path, 'body.json')
    writeFileSync(file, '{"红包":1}\n')
    const { privateKey } = readPrivateKey({ path: webhook.privatePath })
    const expected = signBytes(Buffer.from('{"红包":1}\n'), privateKey)
    expect((await runCli(['sign', file, '--dir', dir])).stdout).toBe(`${expected}\n`)

    const other = createTestKeys()
    const key = join(folder.path, 'own.pem')
    writeFileSync(key, other.privateKey)
    const own = signBytes(Buffer.from('{}'), readPrivateKey(other.privateKey).privateKey)
    expect((await runCli(['sign', '--key', key], '{}')).stdout).toBe(`${own}\n`)
  })

  it('signs a request as current SDKs do, which the API takes', async () => {
    const { merchant, apiKey } = await openKeys(dir)
    const sandbox = await open({
      merchantPublicKey: { path: merchant.publicPath },
      requestSignatures: 'strict',
    })
    const target = '/v1/red_envelopes?limit=1&app%5Bid%5D=app_1Gqj58ynP0mHeX1q'
    const { stdout } = await runCli(['sign', '--request', target, '--dir', dir])
    const headers = Object.fromEntries(
      stdout
        .trimEnd()
        .split('\n')
        .map((line) => line.split(': ')),
    ) as Record<string, string>
    expect(Object.keys(headers)).toEqual([
      'Pingplusplus-Signature',
      'Pingplusplus-Request-Timestamp',
    ])
    const authorization = `Bearer ${apiKey}`
    const ask = (path: string) =>
      fetch(sandbox.url + path, { headers: { ...headers, authorization } })
    expect((await ask(target)).status).toBe(200)
    expect((await ask(target.replace('limit=1', 'limit=2'))).status).toBe(401)
  })

  it('waits for nobody to type', async () => {
    const { status, stderr } = await runCli(['sign', '--dir', dir])
    expect([status, stderr]).toEqual([2, expect.stringContaining('pipe it in')])
  })

  it('says which file is missing', async () => {
    const { status, stderr } = await runCli(['sign', join(folder.path, 'nothing'), '--dir', dir])
    expect([status, stderr]).toEqual([2, expect.stringContaining('nothing does not exist.')])
  })
})

describe('verify', () => {
  const body = '{"id":"evt_1","说":"红包"}'

  it.each([
    ['valid', body, 'valid'],
    ['a line break too many', `${body}\n`, 'A line break was added'],
    ['CR LF', `${body}\r\n`, 'A line break was added'],
    ['a byte order mark', `\uFEFF${body}`, 'A byte order mark'],
    ['spaces', JSON.stringify(JSON.parse(body), null, 2), 'parsed and serialised again'],
    ['\\u escapes', body.replaceAll(/[^\0-\x7f]/g, escapeUnit), 'parsed and serialised again'],
    ['latin1', Buffer.from(body).toString('latin1'), 'read as latin1'],
    ['other content', '{"id":"evt_2"}', 'another key signed it'],
  ])('tells %s', async (_name, received, expected) => {
    const { webhook } = await openKeys(dir)
    const { privateKey } = readPrivateKey({ path: webhook.privatePath })
    const signature = signBytes(Buffer.from(body), privateKey)
    const args = ['verify', '--dir', dir, '--signature', signature]
    const { status, stdout, stderr } = await runCli(args, received)
    expect(stdout).toBe(expected === 'valid' ? 'valid\n' : 'invalid\n')
    expect(stdout + stderr).toContain(expected)
    expect(status).toBe(expected === 'valid' ? 0 : 6)
  })

  it.each(['', 'AAAA', `${'A'.repeat(342)}==`])(
    'tells "%s" from a signature',
    async (signature) => {
      const { status, stderr } = await runCli(
        ['verify', '--dir', dir, '--signature', signature],
        body,
      )
      expect(status).toBe(6)
      expect(stderr).not.toBe('')
    },
  )

  it('tells the merchant’s key, and the one before a rotation', async () => {
    const fresh = temporaryFolder()
    const before = await openKeys(fresh.path)
    const signatureBy = (path: string) =>
      signBytes(Buffer.from(body), readPrivateKey({ path }).privateKey)
    const old = signatureBy(before.webhook.privatePath)
    await runCli(['keys', 'rotate', '--dir', fresh.path])
    const verify = (signature: string) =>
      runCli(['verify', '--dir', fresh.path, '--signature', signature], body)
    expect(await verify(signatureBy(before.merchant.privatePath))).toMatchObject({
      status: 6,
      stderr: expect.stringContaining("the merchant's key"),
    })
    expect(await verify(old)).toMatchObject({
      status: 6,
      stderr: expect.stringContaining('before its rotation'),
    })
    fresh.remove()
  })

  it('takes key and signature from files, and makes no folder', async () => {
    const fresh = temporaryFolder()
    const keys = createTestKeys()
    const path = (name: string) => join(fresh.path, name)
    writeFileSync(path('public.pem'), keys.publicKey)
    const { privateKey } = readPrivateKey(keys.privateKey)
    writeFileSync(path('signature'), `${signBytes(Buffer.from(body), privateKey)}\n`)
    writeFileSync(path('body'), body)
    const given = ['--key', path('public.pem'), '--signature-file', path('signature')]
    const own = ['--dir', path('.hongbao')]
    const verified = await runCli(['verify', path('body'), ...given, ...own])
    expect(verified).toMatchObject({ status: 0, stdout: 'valid\n' })
    expect(existsSync(path('.hongbao'))).toBe(false)
    const keyless = await runCli(['verify', '--signature', 'x', ...own], body)
    expect(keyless).toMatchObject({ status: 2, stderr: expect.stringContaining('--key') })
    fresh.remove()
  })
})

describe('start', () => {
  it.each([
    [['--port', 'http'], '--port "http" is not valid. Expected a whole number.'],
    [['--port', '70000'], '`port` must be'],
    [['--clock', 'slow'], 'Expected real, virtual'],
    [['--send-webhooks', 'never'], 'on-retrieve, on-create, by-hand'],
    [['--host', '0.0.0.0'], '--allow-remote'],
    [['--target', 'http://192.0.2.7/'], '--allow-remote'],
    [['--target', 'webhooks'], 'The target must be a URL with http: or https:'],
    [['--merchant-public-key', '/nowhere.pem'], 'merchantPublicKey'],
    [['trgger'], 'Unknown command trgger. Did you mean trigger?'],
    [['strat'], 'Unknown command strat. Did you mean start?'],
    [['frobnicate'], 'Unknown command frobnicate. Valid: start, trigger'],
    [['events', 'shw'], 'Did you mean events show?'],
  ])('refuses %j', async (args, message) => {
    const { status, stdout, stderr } = await runCli([...args, '--dir', dir, ...portOf(args)])
    expect([status, stdout, stderr]).toEqual([2, '', expect.stringContaining(message)])
  })

  it('refuses a key that cannot sign', async () => {
    const fresh = temporaryFolder()
    const own = join(fresh.path, '.hongbao')
    mkdirSync(own)
    writeFileSync(join(own, 'webhook-private.pem'), createTestKeys().publicKey)
    const { status, stderr } = await runCli(['--dir', own, '--port', '0'])
    expect([status, stderr]).toEqual([2, expect.stringContaining('is a public key')])
    fresh.remove()
  })
})

describe('help', () => {
  it('is a result: on stdout, with the exit status told', async () => {
    const { status, stdout, stderr } = await runCli(['--help'])
    expect([status, stderr]).toEqual([0, ''])
    expect(stdout).toMatch(/^ {2}3 +no sandbox answers/m)
  })

  it('of a command has its own options, and says where those of all commands are', async () => {
    const { stdout } = await runCli(['trigger', '--help'])
    expect(stdout).toContain('--order-no <number>')
    expect(stdout).not.toContain('--json')
    expect(stdout).toContain('hongbao-sandbox help')
  })

  it.each([
    [
      ['help', 'fault', 'add'],
      ['hongbao-sandbox fault add <kind> [options]', 'answer-lost, timeout'],
    ],
    [
      ['fault', '--help'],
      ['add <kind>', 'hongbao-sandbox help fault <command>'],
    ],
    [
      ['events', 'show', '-h'],
      ['one event, with its body', 'hongbao-sandbox events show <id>'],
    ],
    [['help', 'clok'], ['Did you mean clock?']],
  ])('is shown by %j', async (args, parts) => {
    const { stdout, stderr } = await runCli(args)
    for (const part of parts) expect(stdout + stderr).toContain(part)
  })

  it('has a text for each command and each option, in both languages', async () => {
    for (const lang of ['en', 'zh']) {
      const { stdout } = await runCli(['help', '--lang', lang])
      for (const name of COMMANDS.keys()) {
        const help = (await runCli(['help', name, '--lang', lang])).stdout
        expect(stdout + help).not.toMatch(/^ {2}\S+(?: <\S+>)?$/m)
      }
    }
  })
})

describe('a refusal in Chinese', () => {
  it.each([
    [['--port', '70000'], '--port 应为 0 到 65,535 的整数。'],
    [['--clock', '2000000'], '--clock 应为 real、virtual，或不超过 1,000,000 的倍速。'],
    [['--response-timeout-ms', '0'], '--response-timeout-ms 应为 1 到 2,147,483,647 毫秒。'],
    [['--max-events', '0'], '--max-events 应为正整数。'],
    [['--public-url', 'x'], '--public-url 应为 http: 或 https: 的 URL'],
    [['--merchant-public-key', '/nowhere.pem'], '2048 位以上的 RSA 公钥（key-unreadable）。'],
    [['--host', '0.0.0.0'], '该监听地址可从其他机器访问。'],
    [['--host', '192.0.2.7', '--allow-remote'], '192.0.2.7:0 不是本机的地址。'],
    [['sign', '--key', '/nowhere.pem'], '无法读取密钥文件 /nowhere.pem（ENOENT）。'],
    [['verify', '--signature', 'AAAA'], '签名不是严格的 base64，或长度与公钥不符。'],
    [['verify', '--signature', ' '], '签名为空'],
    [['doctor', '--type', 'charge.suceeded'], '是否想输入 charge.succeeded？'],
    [['doctor', '--target', 'http://127.0.0.1:1/'], '无应答（连接被拒绝：应用是否已启动'],
  ])('of %j is a whole sentence', async (args, sentence) => {
    const own = ['--dir', dir, '--lang', 'zh', ...portOf(args)]
    const isStart = args[0]?.startsWith('--') === true
    const { stdout, stderr } = await runCli([...args, ...(isStart ? own : own.slice(0, 4))], '{}')
    expectChinese(stdout + stderr, sentence)
  })

  it.each([
    [['fault', 'add', 'delay', '--attempt', '0'], '--attempt 应为 1 到 11 的推送次数'],
    [['fault', 'add', 'delay', '--times', '0'], '--times 应为正整数，或 always。'],
    [['fault', 'add', 'delay', '--probability', '2'], '--probability 应大于 0，且不超过 1。'],
    [['fault', 'add', 'delay', '--match', 'operation=list'], '--match 应为 envelope'],
    [['fault', 'add', 'delay', '--match', 'type=charge.suceeded'], '是否想输入 charge.succeeded？'],
    [['fault', 'add', 'delay', '--match', 'type=paid'], '"paid" 不是 Ping++ 的事件类型。'],
    [['fault', 'add', 'delay', '--delay', '0ms'], '--delay 应不少于 1ms'],
    [
      ['fault', 'add', 'delay', '--status', '500'],
      '字段 status 只适用于 api-error，不适用于 delay。',
    ],
    [['fault', 'add', 'duplicate', '--copies', '1'], '--copies 应为 2 到 100 的整数。'],
    [
      ['fault', 'add', 'slow-body', '--chunk-bytes', '0'],
      '--chunk-bytes 应为 1 到 1,048,576 的整数。',
    ],
    [['fault', 'add', 'slow-body', '--chunk-pause', '30d'], '--chunk-pause 应为 0ms 以上'],
    [['fault', 'add', 'api-error', '--status', '200'], '--status 应为 400 到 599 的 HTTP 状态码。'],
    [['fault', 'add', 'api-error', '--code', 'a b'], '--code 应为 Ping++ 的错误码'],
    [['fault', 'add', 'api-error', '--retry-after', '-1'], '--retry-after 应为不小于 0 的整数'],
    [['fault', 'add', 'api-latency', '--latency', '30d'], '--latency 应为 0ms 以上'],
    [['fault', 'add', 'api-error', '--attempt', '1'], '字段 attempt 只适用于 Webhooks 故障'],
    [['fault', 'rm', 'fault_9'], '没有生效中的故障 "fault_9"。'],
    [['events', '--limit', '0'], '--limit 应为 1 到 1,000 的整数。'],
    [['events', 'show', 'last'], '还没有事件。'],
    [['envelopes', 'show', '404'], '没有 id 或订单号为 "404" 的红包。'],
    [['trigger', 'paid'], '"paid" 不是 Ping++ 的事件类型。'],
    [['trigger', 'red_envelope.refund'], 'Ping++ 不会为 red_envelope.refund 发送 Webhooks'],
    [
      ['trigger', 'charge.failed', '--envelope', 'red_1'],
      '只适用于红包事件，不适用于 charge.failed。',
    ],
    [['target', 'set', 'x'], '接收地址应为 http: 或 https: 的 URL'],
    [['target', 'set', 'http://192.0.2.7/'], '接收地址不在本机。'],
  ])('by the sandbox, of %j, is a whole sentence', async (args, sentence) => {
    const sandbox = await open()
    const { status, stderr } = await cli(sandbox, ...args, '--lang', 'zh')
    expect(status).toBe(2)
    expectChinese(stderr, sentence)
  })

  it.runIf(HAS_MODES)('of the mode of a key is a whole sentence', async () => {
    const { webhook } = await openKeys(dir)
    chmodSync(webhook.privatePath, 0o644)
    const { stderr } = await runCli(['keys', '--dir', dir, '--lang', 'zh'])
    expectChinese(stderr, `${webhook.privatePath} 原对其他用户开放（权限 0644），已改为 0600。`)
  })

  it('of an envelope has its id and its status', async () => {
    const sandbox = await open()
    const { envelope = '', orderNo = '' } = sandbox.trigger('red_envelope.received')
    const move = await cli(sandbox, 'envelopes', 'move', orderNo, 'sent', '--lang', 'zh')
    expectChinese(move.stderr, `红包 ${envelope} 已是最终状态 received，不能改为 sent。`)
    const order = ['trigger', 'red_envelope.sent', '--set', `order_no=${orderNo}`]
    const twice = await cli(sandbox, ...order, '--lang', 'zh')
    expectChinese(twice.stderr, `订单号 ${orderNo} 已有红包。`)
  })
})

/** No three English words in a row. */
function expectChinese(text: string, sentence: string): void {
  expect(text).toContain(sentence)
  const prose = text.replaceAll(/hongbao-sandbox[\w -]+|--[\w-]+|body parser/g, '')
  expect(prose).not.toMatch(/[A-Za-z]+ [a-z]+ [a-z]+/)
}

describe('errors', () => {
  it('are JSON on stderr with --json', async () => {
    const sandbox = await open()
    const { stdout, stderr } = await cli(sandbox, 'events', 'show', 'evt_1', '--json')
    expect(stdout).toBe('')
    expect(JSON.parse(stderr)).toMatchObject({ error: { code: 'event-unknown' } })
  })

  it('tell something else that answers from a sandbox', async () => {
    const server = createServer((_request, response) => response.end('{}')).listen(0, '127.0.0.1')
    await once(server, 'listening')
    const { port } = server.address() as AddressInfo
    const { status, stderr } = await runCli(['clock', '--url', `http://127.0.0.1:${port}`])
    expect([status, stderr]).toEqual([3, expect.stringContaining('is not a sandbox')])
    server.close()
  })
})

async function open(options: SandboxOptions = {}): Promise<Sandbox> {
  const sandbox = await startSandbox(options)
  opened.push(sandbox)
  return sandbox
}

function cli(sandbox: Sandbox, ...args: string[]): Promise<Ended> {
  return runCli(['--url', sandbox.url, ...args])
}

/** `data.object` of the first event. */
function objectOf(sandbox: Sandbox): unknown {
  const event = JSON.parse(sandbox.events()[0]?.bytes.toString() ?? '') as {
    data: { object: unknown }
  }
  return event.data.object
}

function portOf(args: readonly string[]): string[] {
  return args.includes('--port') ? [] : ['--port', '0']
}

function escapeUnit(character: string): string {
  return `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`
}
