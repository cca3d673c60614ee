import { runInNewContext } from 'node:vm'
import { describe, expect, it } from 'vitest'
import { createWebhooks } from '../src/index.ts'
import { isBytes, joinBytes } from '../src/keys/bytes.ts'
import { nodeDelivery } from '../src/receive/node-delivery.ts'
import { readPrivateKey } from '../src/keys/private-key.ts'
import { createTestKeys, eventFixture, signDelivery } from '../src/testing.ts'

const keys = createTestKeys()

/** The same bytes in a `Uint8Array` of another realm, as jsdom, Jest and `node:vm` have. */
function foreign(bytes: Uint8Array): Uint8Array {
  const copy = runInNewContext('Uint8Array.from(bytes)', { bytes: [...bytes] }) as Uint8Array
  expect(copy).not.toBeInstanceOf(Uint8Array)
  return copy
}

describe('isBytes', () => {
  it.each([
    ['a Uint8Array', new Uint8Array(3)],
    ['a Buffer', Buffer.from('abc')],
    ['a Uint8Array of another realm', foreign(Buffer.from('abc'))],
  ])('is true for %s [A45]', (_name, value) => {
    expect(isBytes(value)).toBe(true)
  })

  it.each([
    ['a text', 'abc'],
    ['nothing', undefined],
    ['a list', [1, 2]],
    ['an ArrayBuffer', new ArrayBuffer(3)],
    ['a DataView', new DataView(new ArrayBuffer(3))],
    ['a Uint16Array', new Uint16Array(3)],
    ['an object with the tag of bytes', { [Symbol.toStringTag]: 'Uint8Array', length: 3 }],
    ['a Uint16Array of another realm', runInNewContext('new Uint16Array(3)') as unknown],
  ])('is false for %s [A45]', (_name, value) => {
    expect(isBytes(value)).toBe(false)
  })
})

describe('bytes of another realm', () => {
  it.each([['rawBody'], ['body']] as const)(
    'are verified when a parser kept them as %s [A45]',
    async (name) => {
      const webhooks = createWebhooks({ publicKey: keys.publicKey, logger: false })
      webhooks.on('red_envelope.sent', () => {})
      const { bytes, headers } = signDelivery(eventFixture('red_envelope.sent'), keys)
      const kept = { [name]: foreign(bytes) }
      const request = { method: 'POST', headers } as unknown as Parameters<typeof nodeDelivery>[0]
      const { outcome } = await webhooks.handle(nodeDelivery(request, 'Move it.', kept))
      expect(outcome).toBe('handled')
    },
  )

  it('are verified when an adapter reads them [A45]', async () => {
    const webhooks = createWebhooks({ publicKey: keys.publicKey, logger: false })
    webhooks.on('red_envelope.sent', () => {})
    const signed = signDelivery(eventFixture('red_envelope.sent'), keys)
    const delivery = { ...signed.delivery(), body: async () => foreign(signed.bytes) }
    expect((await webhooks.handle(delivery)).outcome).toBe('handled')
  })

  it('are a public key [A45]', async () => {
    const publicKey = foreign(Buffer.from(keys.publicKey))
    const webhooks = createWebhooks({ publicKey, logger: false })
    webhooks.on('red_envelope.sent', () => {})
    const signed = signDelivery(eventFixture('red_envelope.sent'), keys)
    expect((await webhooks.handle(signed.delivery())).outcome).toBe('handled')
  })

  it('are a private key [A45]', () => {
    const key = foreign(Buffer.from(keys.privateKey))
    expect(readPrivateKey(key, 'privateKey').privateKey.type).toBe('private')
  })

  it('are signed as they are [A45]', () => {
    expect(signDelivery(foreign(Buffer.from('{}')), keys).text).toBe('{}')
  })
})

describe('joinBytes', () => {
  it('joins chunks of any size in their order', () => {
    const joined = joinBytes()
    const parts = ['', 'a', 'bc', '', 'defghijklmnop', 'q']
    for (const part of parts) joined.add(Buffer.from(part))
    expect(joined.size()).toBe(17)
    expect(Buffer.from(joined.all()).toString()).toBe('abcdefghijklmnopq')
  })

  it('returns no bytes before the first chunk', () => {
    expect(joinBytes().all()).toEqual(new Uint8Array())
  })

  it('returns a single chunk without copying it', () => {
    const joined = joinBytes()
    const chunk = Buffer.from('abc')
    joined.add(chunk)
    expect(joined.all()).toBe(chunk)
  })

  it('does not write into the first chunk', () => {
    const joined = joinBytes()
    const memory = Buffer.from('abcdef')
    joined.add(memory.subarray(0, 3))
    joined.add(Buffer.from('x'))
    expect(Buffer.from(joined.all()).toString()).toBe('abcx')
    expect(memory.toString()).toBe('abcdef')
  })

  it('takes at most twice the size of its content [A44]', () => {
    const joined = joinBytes()
    for (let count = 0; count < 1000; count += 1) joined.add(Buffer.of(7))
    expect(joined.all().buffer.byteLength).toBeLessThanOrEqual(2000)
  })
})
