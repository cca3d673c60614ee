import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { fetchWebhooks, type WaitUntil } from '../src/fetch.ts'
import { createWebhooks } from '../src/index.ts'
import { createTestKeys, eventFixture, signDelivery } from '../src/testing.ts'
import { deferred } from './deferred.ts'

beforeEach(() => void vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] }))
afterEach(() => void vi.useRealTimers())

const keys = createTestKeys()
const delivered = signDelivery(eventFixture('red_envelope.sent'), keys)

function request(): Request {
  return new Request('http://localhost/webhooks', delivered.init())
}

/** A receiver whose handler waits for `work`, and the lines of its log. */
function open() {
  const work = deferred()
  const lines: string[] = []
  const log = (line: string): void => void lines.push(line)
  const logger = { warn: log, error: log }
  const webhooks = createWebhooks({ publicKey: keys.publicKey, logger })
  webhooks.on('red_envelope.sent', () => work.promise)
  return { webhooks, work, lines }
}

/** A host that keeps its requests alive, and the promises passed to its `waitUntil`. */
function host() {
  const pending: Promise<unknown>[] = []
  return {
    pending,
    // As on Workers, which refuse it without its owner.
    waitUntil(this: unknown, promise: Promise<unknown>) {
      if (typeof this !== 'object') throw new TypeError('Illegal invocation')
      pending.push(promise)
    },
  }
}

describe('fetchWebhooks', () => {
  it.each<[string, (context: object) => unknown[]]>([
    ['as the third argument (Workers)', (context) => [{ KV: 'a binding' }, context]],
    ['as the second argument (Vercel, Netlify)', (context) => [context]],
  ])(
    'lets late handlers end through the `waitUntil` that comes %s [F26]',
    async (_, argumentsOf) => {
      const { webhooks, work } = open()
      const context = host()
      const reply = fetchWebhooks(webhooks)(request(), ...argumentsOf(context))
      await vi.waitUntil(() => context.pending.length === 1)
      await vi.advanceTimersByTimeAsync(5000)
      expect((await reply).status).toBe(500)
      work.resolve()
      expect(await Promise.all(context.pending)).toEqual(['handled'])
    },
  )

  it('prefers the option `waitUntil`: `after` of Next.js [F26]', async () => {
    const { webhooks, work } = open()
    work.resolve()
    const [ours, theirs] = [host(), host()]
    const waitUntil: WaitUntil = (pending) => ours.waitUntil(pending)
    const hook = fetchWebhooks(webhooks, { waitUntil })
    expect((await hook(request(), {}, theirs)).status).toBe(200)
    expect([ours.pending.length, theirs.pending.length]).toEqual([1, 0])
  })

  it.each([[[]], [[undefined, null]], [[{ params: Promise.resolve({}) }]]])(
    'works without one: called with %j besides the request',
    async (context) => {
      const { webhooks, work } = open()
      work.resolve()
      expect((await fetchWebhooks(webhooks)(request(), ...context)).status).toBe(200)
    },
  )

  it('calls `waitUntil` of the host once, however many deliveries share a run [F26]', async () => {
    const { webhooks, work } = open()
    const context = host()
    const hook = fetchWebhooks(webhooks)
    const replies = [hook(request(), {}, context), hook(request(), {}, context)]
    await vi.waitUntil(() => context.pending.length === 1)
    work.resolve()
    await Promise.all(replies)
    expect(context.pending).toHaveLength(1)
  })

  it('handles an event although `waitUntil` throws, and logs that [F31]', async () => {
    const { webhooks, work, lines } = open()
    work.resolve()
    const waitUntil: WaitUntil = () => {
      throw new TypeError('Illegal invocation')
    }
    const hook = fetchWebhooks(webhooks, { waitUntil })
    expect((await hook(request())).status).toBe(200)
    expect(lines).toEqual([expect.stringMatching(/`waitUntil` threw an error.*\[TypeError/)])
  })
})
