import { describe, expect, it } from 'vitest'
import { redisInbox, type RedisInboxOptions } from '../src/index.ts'

const client = { sendCommand: () => Promise.resolve(null) }

describe('an option', () => {
  it.each<[string, object]>([
    ['client', {}],
    ['client', { client: undefined }],
    ['client', { client: null }],
    ['client', { client: 'redis://127.0.0.1' }],
    ['client', { client: {} }],
    ['client', { client: { sendCommand: true } }],
    ['client', { client: { get() {}, set() {} } }],
    ['prefix', { client, prefix: 7 }],
    ['prefix', { client, prefix: '{shop}:' }],
    ['retentionSeconds', { client, retentionSeconds: 97_199 }],
    ['retentionSeconds', { client, retentionSeconds: 86_400 }],
    ['retentionSeconds', { client, retentionSeconds: 0 }],
    ['retentionSeconds', { client, retentionSeconds: -1 }],
    ['retentionSeconds', { client, retentionSeconds: 100_000.5 }],
    ['retentionSeconds', { client, retentionSeconds: Infinity }],
    ['retentionSeconds', { client, retentionSeconds: Number.NaN }],
    ['retentionSeconds', { client, retentionSeconds: 1_000_000_001 }],
    ['retentionSeconds', { client, retentionSeconds: '604800' }],
    ['leaseMs', { client, leaseMs: 0 }],
    ['leaseMs', { client, leaseMs: -1 }],
    ['leaseMs', { client, leaseMs: 1000 }],
    ['leaseMs', { client, leaseMs: 200, commandTimeoutMs: 200 }],
    ['leaseMs', { client, leaseMs: 2 ** 31 }],
    ['leaseMs', { client, leaseMs: 1500.5 }],
    ['leaseMs', { client, leaseMs: '60000' }],
    ['maxWorkMs', { client, maxWorkMs: 0 }],
    ['maxWorkMs', { client, maxWorkMs: Infinity }],
    ['commandTimeoutMs', { client, commandTimeoutMs: 0 }],
    ['commandTimeoutMs', { client, commandTimeoutMs: Number.NaN }],
    ['onWarning', { client, onWarning: 'console' }],
  ])('is refused when it is wrong: %s in %j [E26]', (option, options) => {
    expect(() => redisInbox(options as RedisInboxOptions)).toThrow(
      expect.objectContaining({
        name: 'OptionError',
        code: 'option-invalid',
        message: expect.stringContaining(`\`${option}\` must be `) as string,
      }),
    )
  })

  it('is refused when there is none of the name', () => {
    const options = { client, leaseMS: 30_000 }
    expect(() => redisInbox(options)).toThrow(/`leaseMS` is no option\. There are: client, prefix,/)
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
    expect(redisInbox({ client, ...low }).retentionSeconds).toBe(97_200)
    expect(redisInbox({ client, ...high }).retentionSeconds).toBe(1_000_000_000)
  })
})
