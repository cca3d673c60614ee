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
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { bundleApp, type Bundle } from './bundle.ts'
import { HOSTS, type Running } from './hosts.ts'

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

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'hongbao-runtimes-'))
  const { publicKey } = keys
  bundle = await bundleApp({ publicKey, privateKey: merchant.privateKey }, folder)
  sandbox = await startSandbox({
    privateKey: keys.privateKey,
    merchantPublicKey: merchant.publicKey,
    requestSignatures: 'strict',
  })
}, 60_000)

afterAll(async () => {
  await sandbox.close()
  await rm(folder, { recursive: true, force: true })
})

it('bundles without Node streams: nothing of ./node and raw-body comes in', () => {
  const imports = [...bundle.code.matchAll(/^import .+ from ['"]([^'"]+)['"]/gm)].map(
    ([, name]) => name,
  )
  expect(new Set(imports)).toEqual(new Set(['node:buffer', 'node:crypto', 'node:events']))
})

describe.each(Object.entries(HOSTS))('on %s', (_name, start) => {
  let runtime: Running

  beforeAll(async () => {
    runtime = await start(bundle)
  }, 60_000)

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

    it('applies a genuine delivery with Chinese text, once', async () => {
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
      expect(await post(path, { ...delivery.init(), body })).toEqual([401, { outcome: 'forged' }])
      expect(await heard(104)).toEqual([])
      expect(await heard(105)).toEqual([])
    })

    it('refuses a signature of another key', async () => {
      const delivery = signDelivery(eventFixture('red_envelope.sent'), createTestKeys())
      expect(await post(path, delivery.init())).toEqual([401, { outcome: 'forged' }])
    })

    it('refuses a body in chunks without a signature, which leaves it unread [D40]', async () => {
      const { body: bytes } = signed(106).init()
      const body = new Blob([bytes]).stream()
      const init = { method: 'POST', body, duplex: 'half' } as const
      expect(await post(path, init)).toEqual([401, { outcome: 'unsigned' }])
      expect(await heard(106)).toEqual([])
    })

    it('refuses a body over the limit', async () => {
      const { headers, body } = signDelivery('x'.repeat(262_145), keys).init()
      // Answered before the body was read, after which a host may drop the connection.
      const init = { method: 'POST', headers: { ...headers, connection: 'close' }, body }
      expect(await post(path, init)).toEqual([413, { outcome: 'large' }])
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

    it('says so where no answer comes', async () => {
      sandbox.faults.add('api-hang', { times: 2 })
      expect(await create('333', 50)).toEqual({
        code: 'timed-out',
        attempts: 2,
        outcomeUnknown: true,
      })
    })
  })

  it('refuses keys that are none at start-up', async () => {
    expect(await get('/bad-keys')).toEqual([
      'OptionError key-missing',
      'OptionError key-unreadable',
      'OptionError key-unreadable',
      'OptionError key-unreadable',
    ])
  })
})
