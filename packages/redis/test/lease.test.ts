import { createWebhooks, eventKey, type Admission, type Inbox } from '@hongbao/core'
import { createTestKeys, eventFixture } from '@hongbao/core/testing'
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest'
import { hasRedis, startRedis, type RedisServer } from '../../../test/servers/redis.ts'
import { redisInbox, type Lease, type RedisContext, type RedisInboxOptions } from '../src/index.ts'
import { readClient } from '../src/client.ts'
import { KINDS, type OpenClient } from './clients.ts'
import { warnTo, type Warned } from './warnings.ts'
import { KEY, nameOf, openKeys, type Keys } from './keys.ts'

// Renewed every 300 ms: soon enough to wait for, and late enough for a busy machine. Where a test
// must not see a renewal, it takes the default of a minute.
const SHORT = { leaseMs: 900, commandTimeoutMs: 800 }

let server: RedisServer
let keys: Keys
let open: OpenClient
const warnings: Warned[] = []

describe.skipIf(!hasRedis).each(KINDS)('a lease over %s', (_, openClient) => {
  beforeAll(async () => {
    server = await startRedis()
    keys = await openKeys(server.url)
    open = await openClient(server.url)
  })

  afterEach(async () => {
    warnings.length = 0
    await keys.redis.flushall()
  })

  afterAll(async () => {
    open.close()
    keys.close()
    await server.close()
  })

  it('is renewed for as long as the work runs', async () => {
    const run = await startRun(openInbox(SHORT))
    const ends = new Set<number>()
    await vi.waitFor(async () => {
      const held = await keys.read()
      if (held.state === 'running') ends.add(held.ends)
      expect(ends.size).toBeGreaterThan(3)
    }, PATIENCE)
    expect(await apply(openInbox())).toBe('busy')
    run.end.resolve()
    expect(await run.admission).toBe('applied')
    expect(run.lease.signal.aborted).toBe(false)
    expect(warnings).toEqual([])
  })

  it('that expired releases the event: the next run has `isTakeover`', async () => {
    const lost = await startRun(openInbox())
    expect(lost.lease.isTakeover).toBe(false)
    await keys.endLease()
    const next = await startRun(openInbox())
    expect(next.lease.isTakeover).toBe(true)
    next.end.resolve()
    expect(await next.admission).toBe('applied')
    lost.end.resolve()
    await lost.admission
  })

  it('is no takeover after work that failed, or that was never begun', async () => {
    const inbox = openInbox()
    await inbox.admit(KEY, () => Promise.reject(new Error('declined'))).catch(() => {})
    const run = await startRun(inbox)
    expect(run.lease.isTakeover).toBe(false)
    run.end.resolve()
    await run.admission
  })

  describe('after a run that neither succeeded nor failed', () => {
    it('sets `isTakeover` for every later run, through failing takeovers, until one succeeds [E60]', async () => {
      const dead = await startRun(openInbox())
      await keys.endLease()
      for (let round = 0; round < 3; round += 1) {
        const failing = await startRun(openInbox())
        expect(failing.lease.isTakeover).toBe(true)
        failing.end.reject(new Error('the look-up failed'))
        await expect(failing.admission).rejects.toThrow('the look-up failed')
      }
      const next = await startRun(openInbox())
      expect(next.lease.isTakeover).toBe(true)
      next.end.resolve()
      expect(await next.admission).toBe('applied')
      dead.end.resolve()
      await dead.admission
    })

    it('sets `isTakeover` for the next run, if a takeover was answered too late and released [E60]', async () => {
      const dead = await startRun(openInbox())
      await keys.endLease()
      const client = haltedOnce(SHORT.commandTimeoutMs)
      const late = openInbox({ ...SHORT, client }).admit(KEY, () => Promise.resolve())
      await expect(late).rejects.toMatchObject({ code: 'redis-timed-out' })
      const next = await vi.waitUntil(() => tryToStart(openInbox()), PATIENCE)
      expect(next.lease.isTakeover).toBe(true)
      next.end.resolve()
      expect(await next.admission).toBe('applied')
      dead.end.resolve()
      await dead.admission
    })

    it('keeps the key for a stalled run that continues, if no other run has begun [E61]', async () => {
      const stalled = await startRun(openInbox(SHORT))
      const thief = await steal()
      thief.end.reject(new Error('declined'))
      await expect(thief.admission).rejects.toThrow('declined')
      await vi.waitFor(async () => {
        expect(await keys.read()).toMatchObject({ state: 'running', isTakeover: true })
      }, PATIENCE)
      expect(await apply(openInbox())).toBe('busy')
      stalled.end.resolve()
      expect(await stalled.admission).toBe('applied')
      expect(await apply(openInbox())).toBe('duplicate')
      expect(warnings).toMatchObject([{ code: 'redis-lease-lost', key: KEY }])
    })
  })

  it('does not begin if its process stalled while the claim was answered [E16, E23]', async () => {
    const thief = Promise.withResolvers<Run>()
    const client = haltedOnce(SHORT.commandTimeoutMs, async () => {
      await keys.endLease()
      thief.resolve(await startRun(openInbox()))
    })
    const work = vi.fn<() => Promise<void>>().mockResolvedValue()
    const late = openInbox({ ...SHORT, client }).admit(KEY, work)
    await expect(late).rejects.toMatchObject({ code: 'redis-timed-out' })
    expect(work).not.toHaveBeenCalled()
    const { lease, end, admission } = await thief.promise
    expect(await keys.read()).toMatchObject({ state: 'running', token: lease.token })
    end.resolve()
    expect(await admission).toBe('applied')
  })

  it('is released at once if its process stalled while the claim was answered', async () => {
    const client = haltedOnce(SHORT.commandTimeoutMs)
    const late = openInbox({ ...SHORT, client }).admit(KEY, () => Promise.resolve())
    await expect(late).rejects.toMatchObject({ code: 'redis-timed-out' })
    await vi.waitFor(
      async () => expect(await keys.read()).toMatchObject({ state: 'free' }),
      PATIENCE,
    )
  })

  it('has a token that rises with every claim, after failures and takeovers', async () => {
    const tokens: number[] = []
    const lost: Run[] = []
    for (let round = 0; round < 10; round += 1) {
      const failing = await startRun(openInbox())
      failing.end.reject(new Error('declined'))
      await failing.admission.catch(() => {})
      const stalled = await startRun(openInbox())
      await keys.endLease()
      lost.push(stalled)
      tokens.push(failing.lease.token, stalled.lease.token)
    }
    for (const { end } of lost) end.reject(new Error('declined'))
    await Promise.allSettled(lost.map(({ admission }) => admission))
    expect(tokens).toEqual([...new Set(tokens)].toSorted((a, b) => a - b))
  })

  it('has a token that rises even if Redis has lost the key [E13, E14]', async () => {
    const before = await startRun(openInbox())
    await keys.redis.flushall()
    const after = await startRun(openInbox())
    expect(after.lease.token).toBeGreaterThan(before.lease.token)
    after.end.resolve()
    before.end.resolve()
    await Promise.all([after.admission, before.admission])
  })

  it('has a token that rises even if the clock of Redis goes back [E16]', async () => {
    const future = Date.UTC(2100, 0, 1) * 1000
    await keys.redis.set(nameOf(), `free ${future}`)
    const run = await startRun(openInbox())
    expect(run.lease.token).toBe(future + 1)
    run.end.resolve()
    expect(await run.admission).toBe('applied')
  })

  it('that Redis lost is restored by the next renewal [E13]', async () => {
    const run = await startRun(openInbox(SHORT))
    const held = await keys.read()
    await keys.redis.flushall()
    await vi.waitFor(async () => {
      expect(await keys.read()).toMatchObject({ state: 'running', token: run.lease.token })
    }, PATIENCE)
    expect(await keys.read()).toMatchObject({ owner: held.state === 'running' && held.owner })
    run.end.resolve()
    expect(await run.admission).toBe('applied')
  })

  it('that had expired counts if no other process claimed the event meanwhile [E16, E23, E24]', async () => {
    const run = await startRun(openInbox())
    await keys.endLease()
    run.end.resolve()
    expect(await run.admission).toBe('applied')
    expect(await keys.read()).toEqual({ state: 'applied', token: run.lease.token })
    expect(warnings).toEqual([])
  })

  it('that another run has taken fires the signal at the next renewal [E23, E24]', async () => {
    const run = await startRun(openInbox(SHORT))
    const aborted = vi.fn<(event: Event) => void>()
    run.lease.signal.addEventListener('abort', aborted)
    const thief = await steal()
    await vi.waitFor(() => expect(aborted).toHaveBeenCalledOnce(), PATIENCE)
    expect(run.lease.signal.reason).toMatchObject({ code: 'redis-lease-lost' })
    expect(warnings).toEqual([{ code: 'redis-lease-lost', key: KEY, message: expect.any(String) }])
    thief.end.resolve()
    expect(await thief.admission).toBe('applied')
    run.end.resolve()
    expect(await run.admission).toBe('applied')
    expect(warnings).toHaveLength(1)
  })

  it('that was lost fires `context.signal` of the handlers, with its own error [F33]', async () => {
    const webhooks = createWebhooks({
      publicKey: createTestKeys().publicKey,
      inbox: openInbox(SHORT),
    })
    const event = eventFixture('red_envelope.sent')
    const running = Promise.withResolvers<AbortSignal>()
    const end = Promise.withResolvers<void>()
    webhooks.on('red_envelope.sent', async (_event, { signal }) => {
      running.resolve(signal)
      await end.promise
    })
    const applied = webhooks.dispatch(event)
    const signal = await running.promise
    await keys.redis.flushall()
    const thief = await startRun(openInbox(), eventKey(event) ?? '')
    await vi.waitFor(() => expect(signal.aborted).toBe(true), PATIENCE)
    expect(signal.reason).toMatchObject({ code: expect.stringMatching(/lease-lost$/) as string })
    thief.end.resolve()
    await thief.admission
    end.resolve()
    await applied
  })

  it('that was lost shows in a signal that is looked at later, too', async () => {
    const run = await startRun(openInbox(SHORT))
    const thief = await steal()
    await vi.waitFor(() => expect(warnings).toHaveLength(1), PATIENCE)
    expect(run.lease.signal.aborted).toBe(true)
    thief.end.resolve()
    await thief.admission
    run.end.resolve()
    await run.admission
  })

  it('that is held no longer than `maxWorkMs` is renewed no longer', async () => {
    const run = await startRun(openInbox({ ...SHORT, maxWorkMs: 1 }))
    expect(run.lease.signal.aborted).toBe(false)
    await vi.waitFor(() => expect(run.lease.signal.aborted).toBe(true), PATIENCE)
    expect(warnings).toMatchObject([{ code: 'redis-lease-ended', key: KEY }])
    const next = await vi.waitUntil(() => tryToStart(openInbox()), PATIENCE)
    expect(next.lease.isTakeover).toBe(true)
    next.end.resolve()
    expect(await next.admission).toBe('applied')
    run.end.resolve()
    await run.admission
  })

  describe('that another run has taken, when the work succeeds all the same,', () => {
    it('rejects while the other run continues, and does not disturb it [E16, E23, E24]', async () => {
      const run = await startRun(openInbox())
      const thief = await steal()
      run.end.resolve()
      await expect(run.admission).rejects.toMatchObject({ code: 'redis-lease-lost' })
      expect(await keys.read()).toMatchObject({ state: 'running', token: thief.lease.token })
      thief.end.resolve()
      expect(await thief.admission).toBe('applied')
      expect(warnings).toMatchObject([{ code: 'redis-lease-lost', key: KEY }])
    })

    it('is applied if the other run failed, with a warning [E61]', async () => {
      const run = await startRun(openInbox())
      const thief = await steal()
      thief.end.reject(new Error('declined'))
      await expect(thief.admission).rejects.toThrow('declined')
      run.end.resolve()
      expect(await run.admission).toBe('applied')
      expect(await keys.read()).toEqual({ state: 'applied', token: run.lease.token })
      expect(warnings).toMatchObject([{ code: 'redis-lease-lost', key: KEY }])
    })

    it('is applied if the other run lost its lease as well [E61]', async () => {
      const run = await startRun(openInbox())
      const thief = await steal()
      await keys.endLease()
      run.end.resolve()
      expect(await run.admission).toBe('applied')
      thief.end.resolve()
      expect(await thief.admission).toBe('applied')
      expect(await keys.read()).toEqual({ state: 'applied', token: run.lease.token })
    })

    it('is applied if the other run has applied it, with a warning [E23, E24]', async () => {
      const run = await startRun(openInbox())
      const thief = await steal()
      thief.end.resolve()
      expect(await thief.admission).toBe('applied')
      run.end.resolve()
      expect(await run.admission).toBe('applied')
      expect(await keys.read()).toEqual({ state: 'applied', token: thief.lease.token })
      expect(warnings).toMatchObject([{ code: 'redis-lease-lost', key: KEY }])
    })

    it('does not release the claim of the other run if the work fails', async () => {
      const run = await startRun(openInbox())
      const thief = await steal()
      const error = new Error('declined')
      run.end.reject(error)
      await expect(run.admission).rejects.toBe(error)
      expect(await keys.read()).toMatchObject({ state: 'running', token: thief.lease.token })
      thief.end.resolve()
      expect(await thief.admission).toBe('applied')
    })
  })

  async function steal(): Promise<Run> {
    await keys.endLease()
    return await startRun(openInbox())
  }
})

const PATIENCE = { timeout: 8000, interval: 10 }

function openInbox(options: Partial<RedisInboxOptions> = {}): Inbox<RedisContext> {
  return redisInbox({
    client: open.client,
    consumer: 'orders',
    onWarning: warnTo(warnings),
    ...options,
  })
}

/**
 * A client whose process is halted after the first answer has arrived and before it is read. When it
 * goes on it reads before its timers run, so no timer reports that the answer is late.
 */
function haltedOnce(forMs: number, meanwhile = (): Promise<unknown> => Promise.resolve()) {
  let isFirst = true
  const send = readClient(open.client, forMs)
  return {
    async sendCommand(args: readonly string[]): Promise<unknown> {
      const [name = '', ...rest] = args
      const reply = await send([name, ...rest], rest[2])
      if (!isFirst) return reply
      isFirst = false
      await meanwhile()
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, forMs)
      return reply
    },
  }
}

function apply(inbox: Inbox<RedisContext>): Promise<Admission> {
  return inbox.admit(KEY, () => Promise.resolve())
}

interface Run {
  readonly lease: Lease
  readonly end: PromiseWithResolvers<void>
  readonly admission: Promise<Admission>
}

async function startRun(inbox: Inbox<RedisContext>, key = KEY): Promise<Run> {
  const run = await tryToStart(inbox, key)
  if (run === undefined) throw new Error('The work did not start.')
  return run
}

/** Undefined if the inbox answers without starting the work. */
async function tryToStart(inbox: Inbox<RedisContext>, key = KEY): Promise<Run | undefined> {
  const end = Promise.withResolvers<void>()
  const started = Promise.withResolvers<Lease>()
  const admission = inbox.admit(key, ({ lease }) => {
    started.resolve(lease)
    return end.promise
  })
  const lease = await Promise.race([started.promise, admission])
  return typeof lease === 'object' ? { lease, end, admission } : undefined
}
