import { Redis } from 'ioredis'
import { createClient } from 'redis'
import { describe, expect, it } from 'vitest'
import { redisInbox, type RedisInboxOptions } from '../src/index.ts'

const client = { sendCommand: () => Promise.resolve(null) }
const consumer = 'orders'

describe('an option', () => {
  it.each<[string, object]>([
    ['client', { consumer }],
    ['client', { consumer, client: undefined }],
    ['client', { consumer, client: null }],
    ['client', { consumer, client: 'redis://127.0.0.1' }],
    ['client', { consumer, client: {} }],
    ['client', { consumer, client: { sendCommand: true } }],
    ['client', { consumer, client: { get() {}, set() {} } }],
    ['client', { consumer, client: createClient }],
    ['client', { consumer, client: Redis }],
    ['client', { consumer, client: Object.assign(() => {}, client) }],
    ['consumer', { client }],
    ['consumer', { client, consumer: undefined }],
    ['consumer', { client, consumer: '' }],
    ['consumer', { client, consumer: 7 }],
    ['consumer', { client, consumer: '{orders}' }],
    ['consumer', { client, consumer: 'or:ders' }],
    ['consumer', { client, consumer: 'the orders' }],
    ['consumer', { client, consumer: '订单' }],
    ['consumer', { client, consumer: 'orders\n' }],
    ['consumer', { client, consumer: 'x'.repeat(101) }],
    ['prefix', { client, consumer, prefix: 7 }],
    ['prefix', { client, consumer, prefix: '{shop}:' }],
    ['retentionSeconds', { client, consumer, retentionSeconds: 97_199 }],
    ['retentionSeconds', { client, consumer, retentionSeconds: 86_400 }],
    ['retentionSeconds', { client, consumer, retentionSeconds: 0 }],
    ['retentionSeconds', { client, consumer, retentionSeconds: -1 }],
    ['retentionSeconds', { client, consumer, retentionSeconds: 100_000.5 }],
    ['retentionSeconds', { client, consumer, retentionSeconds: Infinity }],
    ['retentionSeconds', { client, consumer, retentionSeconds: Number.NaN }],
    ['retentionSeconds', { client, consumer, retentionSeconds: 1_000_000_001 }],
    ['retentionSeconds', { client, consumer, retentionSeconds: '604800' }],
    ['leaseMs', { client, consumer, leaseMs: 0 }],
    ['leaseMs', { client, consumer, leaseMs: -1 }],
    ['leaseMs', { client, consumer, leaseMs: 1000 }],
    ['leaseMs', { client, consumer, leaseMs: 200, commandTimeoutMs: 200 }],
    ['leaseMs', { client, consumer, leaseMs: 2 ** 31 }],
    ['leaseMs', { client, consumer, leaseMs: 1500.5 }],
    ['leaseMs', { client, consumer, leaseMs: '60000' }],
    ['maxWorkMs', { client, consumer, maxWorkMs: 0 }],
    ['maxWorkMs', { client, consumer, maxWorkMs: Infinity }],
    ['commandTimeoutMs', { client, consumer, commandTimeoutMs: 0 }],
    ['commandTimeoutMs', { client, consumer, commandTimeoutMs: Number.NaN }],
    ['onWarning', { client, consumer, onWarning: 'console' }],
  ])('is refused if it is wrong: %s in %j [E26, E71]', (option, options) => {
    expect(() => redisInbox(options as RedisInboxOptions)).toThrow(
      expect.objectContaining({
        name: 'OptionError',
        code: 'option-invalid',
        message: expect.stringContaining(`\`${option}\` must be `) as string,
      }),
    )
  })

  it('is required if it is `consumer`, and the error shows what to write [E62]', () => {
    expect(() => redisInbox({ client } as unknown as RedisInboxOptions)).toThrow(
      /such as `consumer: 'orders'`: 1 to 100 characters/,
    )
  })

  it('is refused if its name is unknown', () => {
    const options = { client, consumer: 'orders', leaseMS: 30_000 }
    expect(() => redisInbox(options)).toThrow(
      /Unknown option `leaseMS`\. Did you mean `leaseMs`\? Valid options: client, consumer, prefix,/,
    )
  })

  it.each([undefined, null, 'redis'])('cannot be %s instead of an object', (options) => {
    expect(() => redisInbox(options as unknown as RedisInboxOptions)).toThrow(
      /an object of options/,
    )
  })

  it('may be at its bounds', () => {
    const low = {
      prefix: '',
      retentionSeconds: 97_200,
      leaseMs: 2,
      maxWorkMs: 1,
      commandTimeoutMs: 1,
    }
    const high = { retentionSeconds: 1_000_000_000, leaseMs: 2 ** 31 - 1, maxWorkMs: 2 ** 31 - 1 }
    expect(redisInbox({ client, consumer: 'orders', ...low }).retentionSeconds).toBe(97_200)
    expect(redisInbox({ client, consumer: 'orders', ...high }).retentionSeconds).toBe(1_000_000_000)
  })
})
