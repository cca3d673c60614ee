import { createWebhooks } from '@hongbao/core'
import { createTestKeys, eventFixture } from '@hongbao/core/testing'
import { expect, it } from 'vitest'
import { redisInbox } from '../src/index.ts'

const REFUSALS: readonly [string, string][] = [
  ['redis-read-only', "READONLY You can't write against a read only replica."],
  ['redis-out-of-memory', "OOM command not allowed when used memory > 'maxmemory'."],
  ['redis-forbidden', 'NOPERM User app has no permissions to run the evalsha command'],
  ['redis-unreachable', 'connect ECONNREFUSED 10.0.0.7:6379'],
]

it.each(REFUSALS)(
  'the line in the log names %s, and says what to do [S19]',
  async (code, words) => {
    const lines: string[] = []
    const webhooks = createWebhooks({
      publicKey: createTestKeys().publicKey,
      inbox: redisInbox({
        consumer: 'orders',
        client: { call: () => Promise.reject(new Error(words)) },
        onWarning() {},
      }),
      logger: { warn() {}, error: (line) => void lines.push(line) },
    })
    webhooks.on('*', () => {})
    await webhooks.dispatch(eventFixture('red_envelope.received'))
    expect(lines).toHaveLength(1)
    expect(lines[0]).toMatch(new RegExp(` \\[InboxError ${code}[ \\]].* Redis`))
    expect(lines[0]).not.toContain(words)
  },
)
