import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import {
  createTestKeys,
  eventFixture,
  signDelivery,
  type SignedDelivery,
} from '@hongbao/core/testing'
import { startSandbox, type Sandbox } from '@hongbao/sandbox'
import { readDocument } from '../docs/snippets.ts'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import type { Runs } from './app.ts'
import { bundleApp, type Bundle } from './bundle.ts'
import { HOSTS, serveWorkerd, type Running } from './hosts.ts'
import { startSlowServer, type SlowServer } from './slow-server.ts'
import { PATIENCE_MS } from '../patience.ts'

const keys = createTestKeys()
const merchant = createTestKeys()
const SUBJECT = '新年红包 🧧'

function signed(amount: number): SignedDelivery {
  const event = eventFixture('red_envelope.sent', { object: { subject: SUBJECT, amount } })
  return signDelivery(event, keys)
}

let folder: string
let bundle: Bundle
let sandbox: Sandbox
let slow: SlowServer

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'hongbao-runtimes-'))
  const { publicKey } = keys
  bundle = await bundleApp({ publicKey, privateKey: merchant.privateKey }, folder)
  sandbox = await startSandbox({
    privateKey: keys.privateKey,
    merchantPublicKey: merchant.publicKey,
    requestSignatures: 'strict',
  })
  slow = await startSlowServer()
})

afterAll(async () => {
  await slow.close()
  await sandbox.close()
  await rm(folder, { recursive: true, force: true })
})

it('the fetch bundle contains no Node streams, no ./node and no raw-body', () => {
  const imports = [...bundle.code.matchAll(/^import .+ from ['"]([^'"]+)['"]/gm)].map(
    ([, name]) => name,
  )
  expect(new Set(imports)).toEqual(new Set(['node:buffer', 'node:crypto', 'node:events']))
})

describe.each(Object.entries(HOSTS))('on %s', (host, start) => {
  let runtime: Running

  beforeAll(async () => {
    runtime = await start(bundle)
  })

  afterAll(() => runtime.stop())

  async function post(path: string, init: RequestInit): Promise<[number, unknown]> {
    const response = await fetch(runtime.url + path, init)
    return [response.status, await response.json()]
  }

  async function get(path: string): Promise<unknown> {
    const response = await fetch(runtime.url + path)
    return response.json()
  }

  describe.each(['/fetch', '/hono'])('%s', (path) => {
    async function heard(amount: number): Promise<unknown[]> {
      const all = (await get('/heard')) as readonly { route: string; amount: number }[]
      return all.filter((each) => each.route === path && each.amount === amount)
    }

    it('applies a verified delivery with Chinese text, once', async () => {
      const delivery = signed(101)
      expect(await post(path, delivery.init())).toEqual([200, { outcome: 'handled' }])
      expect(await post(path, delivery.init())).toEqual([200, { outcome: 'duplicate' }])
      expect(await heard(101)).toEqual([
        { route: path, subject: SUBJECT, amount: 101, bytes: delivery.bytes.byteLength },
      ])
    })

    it('applies a delivery once that comes twice at a time', async () => {
      const delivery = signed(102)
      const answers = await Promise.all([
        post(path, delivery.init()),
        post(path, delivery.init()),
        post(path, delivery.init()),
      ])
      expect(answers.map(([status]) => status)).toEqual([200, 200, 200])
      expect(await heard(102)).toHaveLength(1)
    })

    it('applies a delivery that comes without a length', async () => {
      const delivery = signed(103)
      const body = new Blob([new Uint8Array(delivery.bytes)]).stream()
      const init = { ...delivery.init(), body, duplex: 'half' } as const
      expect(await post(path, init)).toEqual([200, { outcome: 'handled' }])
      expect(await heard(103)).toHaveLength(1)
    })

    it('refuses a signature that covers other bytes', async () => {
      const delivery = signed(104)
      const body = delivery.text.replace('"amount":104', '"amount":105')
      expect(await post(path, { ...delivery.init(), body })).toEqual([
        401,
        { outcome: 'rejected', code: 'signature-mismatch' },
      ])
      expect(await heard(104)).toEqual([])
      expect(await heard(105)).toEqual([])
    })

    it('refuses a signature of another key', async () => {
      const delivery = signDelivery(eventFixture('red_envelope.sent'), createTestKeys())
      expect(await post(path, delivery.init())).toEqual([
        401,
        { outcome: 'rejected', code: 'signature-mismatch' },
      ])
    })

    it('refuses a body in chunks without a signature, which leaves it unread [D22]', async () => {
      const { body: bytes } = signed(106).init()
      const body = new Blob([bytes]).stream()
      const init = { method: 'POST', body, duplex: 'half' } as const
      expect(await post(path, init)).toEqual([
        401,
        { outcome: 'rejected', code: 'signature-missing' },
      ])
      expect(await heard(106)).toEqual([])
    })

    it('refuses a body over the limit', async () => {
      const { headers, body } = signDelivery('x'.repeat(262_145), keys).init()
      // Answered before the body was read, after which a host may drop the connection.
      const init = { method: 'POST', headers: { ...headers, connection: 'close' }, body }
      expect(await post(path, init)).toEqual([413, { outcome: 'rejected', code: 'body-too-large' }])
    })
  })

  it('publishes a delivery to the tracing channel', async () => {
    const [status, traced] = await post('/traced', signed(107).init())
    expect([status, traced]).toEqual([
      200,
      {
        status: 200,
        seen: [
          ['start', null],
          ['end', null],
          ['asyncStart', 'handled'],
          ['asyncEnd', 'handled'],
        ],
      },
    ])
  })

  it('answers as usual if a subscriber of the tracing channel throws [F15]', async () => {
    for (const [index, event] of ['start', 'end', 'asyncStart', 'asyncEnd'].entries()) {
      const [, traced] = await post(`/traced?throws=${event}`, signed(1080 + index).init())
      expect(traced).toMatchObject({ status: 200 })
    }
  })

  describe('a handler that is slow once, then quick', () => {
    const TIMED_OUT = [500, { outcome: 'failed', code: 'handler-timed-out' }]
    const HANDLED = [200, { outcome: 'handled' }]
    const DUPLICATE = [200, { outcome: 'duplicate' }]
    const isFreezing = host.startsWith('Cloudflare')
    // A frozen request is noticed after three seconds.
    const within = { timeout: PATIENCE_MS, interval: 200 }

    function slowOnce(path: string): [delivery: SignedDelivery, orderNo: string] {
      const orderNo = `${host} ${path} ${crypto.randomUUID()}`
      const object = { order_no: orderNo, description: slow.url(orderNo) }
      return [signDelivery(eventFixture('red_envelope.sent', { object }), keys), orderNo]
    }

    const runsOf = (orderNo: string): Promise<unknown> =>
      get(`/runs?${new URLSearchParams({ order: orderNo })}`)

    describe.each(['/slow/fetch', '/slow/hono'])('%s', (path) => {
      it('ends after it was answered, and the next delivery is a duplicate [F26]', async () => {
        const [delivery, orderNo] = slowOnce(path)
        expect(await post(path, delivery.init())).toEqual(TIMED_OUT)
        expect(await post(path, delivery.init())).toEqual(TIMED_OUT)
        slow.answer(orderNo)
        await expect.poll(() => post(path, delivery.init()), within).toEqual(DUPLICATE)
        expect(await runsOf(orderNo)).toEqual({ begun: 1, ended: 1 } satisfies Runs)
      })

      it('ends though its sender has left, and the next delivery is a duplicate [F27]', async () => {
        const [delivery, orderNo] = slowOnce(path)
        const sender = new AbortController()
        const lost = fetch(runtime.url + path, { ...delivery.init(), signal: sender.signal })
        await slow.asked(orderNo)
        sender.abort()
        await expect(lost).rejects.toThrow(/abort/)
        slow.answer(orderNo)
        await expect.poll(() => post(path, delivery.init()), within).toEqual(DUPLICATE)
        expect(await runsOf(orderNo)).toEqual({ begun: 1, ended: 1 } satisfies Runs)
      })
    })

    // Without `waitUntil`: on Workers the request is frozen with its answer, elsewhere nothing is.
    it('is run again if its request was frozen, and otherwise keeps its key [F28]', async () => {
      const [delivery, orderNo] = slowOnce('/slow/bare')
      expect(await post('/slow/bare', delivery.init())).toEqual(TIMED_OUT)
      if (!isFreezing) slow.answer(orderNo)
      const ending = isFreezing ? HANDLED : DUPLICATE
      await expect.poll(() => post('/slow/bare', delivery.init()), within).toEqual(ending)
      expect(await post('/slow/bare', delivery.init())).toEqual(DUPLICATE)
      expect(await runsOf(orderNo)).toEqual({ begun: isFreezing ? 2 : 1, ended: 1 })
    })

    it('answers deliveries that share the run of a request that ended [F29]', async () => {
      const [delivery, orderNo] = slowOnce('/patient')
      const query = new URLSearchParams({ order: orderNo })
      expect(await post(`/left?${query}`, delivery.init())).toEqual([
        200,
        { outcome: 'not awaited' },
      ])
      if (!isFreezing) slow.answer(orderNo)
      const [status] = await post('/patient', delivery.init())
      expect(status).toBe(200)
      expect(await runsOf(orderNo)).toEqual({ begun: isFreezing ? 2 : 1, ended: 1 })
    })
  })

  describe('the client', () => {
    function create(orderNo: string, timeoutMs = 10_000): Promise<unknown> {
      const query = { baseUrl: sandbox.url, timeoutMs: String(timeoutMs), orderNo }
      return get(`/create?${new URLSearchParams(query)}`)
    }

    beforeEach(() => sandbox.reset())

    it('signs, creates and retrieves an envelope with Chinese text, verified', async () => {
      expect(await create('123456789')).toEqual(sandbox.envelope('123456789'))
      expect(sandbox.envelope('123456789')).toMatchObject({ status: 'sent', subject: SUBJECT })
    })

    it('sends a create again whose answer is lost, and makes one envelope', async () => {
      sandbox.faults.add('api-answer-lost', { match: { operation: 'create' } })
      expect(await create('222')).toEqual(sandbox.envelope('222'))
    })

    it('reports a timeout if no answer comes', async () => {
      sandbox.faults.add('api-hang', { times: 2 })
      expect(await create('333', 50)).toEqual({
        code: 'request-timed-out',
        attempts: 2,
        notCreated: false,
      })
    })
  })

  it('refuses invalid keys at start-up', async () => {
    expect(await get('/bad-keys')).toEqual([
      'OptionError key-missing',
      'OptionError key-unreadable',
      'OptionError key-unreadable',
      'OptionError key-unreadable',
    ])
  })
})

describe('a worker whose key comes from the environment', () => {
  const delivery = signed(106)
  const variables = { PINGPP_PUBLIC_KEY: keys.publicKey }

  async function start(compatibilityDate: string): Promise<Running> {
    const worker = await bundleApp(
      { publicKey: keys.publicKey, privateKey: merchant.privateKey },
      folder,
      new URL('env-app.ts', import.meta.url),
    )
    return serveWorkerd(worker, compatibilityDate, variables)
  }

  it('needs the compatibility date that the README names, at the least [G18]', async () => {
    const dates = ['packages/hono/README.md', 'docs/mounting.md', 'docs/mounting.zh-CN.md'].map(
      (guide) => /compatibility_date[`\s]+(\S+)/.exec(readDocument(guide))?.[1],
    )
    expect(dates).toEqual(['2025-04-01', '2025-04-01', '2025-04-01'])
    const runtime = await start('2025-04-01')
    const response = await fetch(`${runtime.url}/webhooks`, delivery.init())
    expect(await response.json()).toEqual({ outcome: 'handled' })
    await runtime.stop()
  })

  it('does not start with an earlier one, and says that the key is not set [G18]', async () => {
    await expect(start('2025-03-31')).rejects.toThrow(/`publicKey` is empty or not set/)
  })
})
