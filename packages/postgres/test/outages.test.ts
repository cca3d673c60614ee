import { createWebhooks } from '@hongbao/core'
import { createTestKeys, eventFixture, signDelivery } from '@hongbao/core/testing'
import { setTimeout } from 'node:timers/promises'
import { Pool } from 'pg'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { startProxy, type Fault, type Proxy } from '../../../test/servers/proxy.ts'
import { postgresInbox, type PostgresInbox } from '../src/index.ts'
import { effectOf, openPostgres, type Opened } from './opened.ts'
import { MOMENTS, poolWith } from './steps.ts'

let opened: Opened
let proxy: Proxy

beforeAll(async () => {
  opened = await openPostgres()
  proxy = await startProxy(opened.server.port)
})

afterAll(async () => {
  await opened.close()
  await proxy.close()
})

const ALIVE = 'select 1 from pg_stat_activity where pid = $1'
const GONE = `select 1 where not exists (${ALIVE})`

/** The result of a run: an error, never a wrong answer; and later the event is applied, once. */
async function expectAppliedOnce(
  first: Promise<unknown>,
  key: string,
  next: Pick<PostgresInbox, 'admit'>,
): Promise<void> {
  const answer = await first.catch((error: unknown) => error)
  const effects = await opened.countEffects(key)
  // An error proves nothing: after a COMMIT whose answer was lost the effect stands. "Applied" proves it.
  expect([answer === 'applied', effects]).not.toEqual([true, 0])
  expect(answer === 'applied' || answer instanceof Error).toBe(true)
  expect(effects).toBeLessThanOrEqual(1)
  await deliverUntilDone(next, key)
  expect(await opened.countEffects(key)).toBe(1)
}

/** As Ping++ does: again and again, until the answer is 200. */
async function deliverUntilDone(inbox: Pick<PostgresInbox, 'admit'>, key: string): Promise<void> {
  for (;;) {
    const answer = await inbox.admit(key, effectOf(key) as never).catch(() => 'failed')
    if (answer === 'applied' || answer === 'duplicate') return
    // A server that starts again needs the machine, too. The limit of the test ends what never is applied.
    await setTimeout(10)
  }
}

describe('a connection that the server ends', () => {
  it.each(MOMENTS)('$when $step causes only an error [E17]', async (moment) => {
    const key = `terminated ${moment.when} ${moment.step}`
    const { pool } = opened.open()
    const dying = poolWith(pool, moment, async (_, pid) => {
      await opened.query('select pg_terminate_backend($1)', [pid])
      await opened.waitFor(GONE, [pid])
    })
    const inbox = postgresInbox({ pool: dying, consumer: 'orders' })
    const first = inbox.admit(key, effectOf(key))
    // After COMMIT was answered nothing can happen to it any more.
    const isSafe = moment.step === 'commit' && moment.when === 'after'
    await expect(first.catch(() => 'failed')).resolves.toBe(isSafe ? 'applied' : 'failed')
    await expectAppliedOnce(first, key, inbox)
  })

  it.each(['before', 'after'])('in the handler, %s the effect, undoes the effect', async (when) => {
    const { inbox } = opened.open()
    const key = `terminated in the handler, ${when}`
    const first = inbox.admit(key, async ({ tx }) => {
      if (when === 'after') await effectOf(key)({ tx })
      const { rows } = await tx.query<{ pid: number }>('select pg_backend_pid() as pid')
      await opened.query('select pg_terminate_backend($1)', [rows[0]?.pid])
      await opened.waitFor(GONE, [rows[0]?.pid])
      if (when === 'before') await effectOf(key)({ tx })
    })
    await expect(first).rejects.toMatchObject({ name: expect.any(String) as string })
    await expectAppliedOnce(first, key, inbox)
  })

  it('while a handler waits for something else fails its next statement', async () => {
    const { inbox } = opened.open()
    const key = 'terminated while waiting'
    const first = inbox.admit(key, async ({ tx }) => {
      const { rows } = await tx.query<{ pid: number }>('select pg_backend_pid() as pid')
      const lost = new Promise((resolve) => tx.once('error', resolve))
      await opened.query('select pg_terminate_backend($1)', [rows[0]?.pid])
      await lost
      await effectOf(key)({ tx })
    })
    await expect(first).rejects.toMatchObject({ code: 'postgres-unreachable' })
    await expectAppliedOnce(first, key, inbox)
  })

  it('while it is idle in the pool has no other effect', async () => {
    const { inbox, pool } = opened.open()
    await inbox.admit('idle', effectOf('idle'))
    expect(pool.idleCount).toBe(1)
    const removed = new Promise((resolve) => pool.once('remove', resolve))
    await opened.query(
      `select pg_terminate_backend(pid) from pg_stat_activity where pid <> pg_backend_pid() and backend_type = 'client backend'`,
    )
    await removed
    expect(await inbox.admit('idle', effectOf('idle'))).toBe('duplicate')
  })

  it('during checkout from the pool ends no process', async () => {
    const { inbox, pool } = opened.open()
    const told = new Promise<unknown>((resolve) => {
      pool.once('acquire', (client) => {
        // pg emits the messages of one packet at once: here that the server goes down, right after
        // that it is ready, and before the promise of `connect` resolves.
        process.nextTick(() => {
          try {
            resolve(client.emit('error', new Error('terminating connection')))
          } catch (error) {
            resolve(error)
          }
        })
      })
    })
    const first = inbox.admit('on its way out', effectOf('on its way out'))
    expect(await told).toBe(true)
    await expectAppliedOnce(first, 'on its way out', inbox)
  })
})

describe('a server that restarts', () => {
  it.each(MOMENTS)('$when $step causes only an error [E17]', async (moment) => {
    const key = `restarted ${moment.when} ${moment.step}`
    const { pool } = opened.open()
    const inbox = postgresInbox({
      pool: poolWith(pool, moment, () => opened.server.restart()),
      consumer: 'orders',
    })
    await expectAppliedOnce(inbox.admit(key, effectOf(key)), key, inbox)
  })

  it('by a crash while the handler runs undoes its effect [E7]', async () => {
    const { inbox } = opened.open()
    const first = inbox.admit('crashed', async ({ tx }) => {
      await effectOf('crashed')({ tx })
      await opened.server.kill()
      await opened.server.start()
    })
    await expect(first).rejects.toMatchObject({ code: 'postgres-unreachable' })
    await expectAppliedOnce(first, 'crashed', inbox)
  })

  it('causes an error while it is down, runs no handler, and is used again when it is back [E6]', async () => {
    const { inbox } = opened.open()
    await inbox.admit('before', effectOf('before'))
    await opened.server.stop()
    let runs = 0
    const down = inbox.admit('down', () => {
      runs += 1
      return Promise.resolve()
    })
    await expect(down).rejects.toMatchObject({ code: 'postgres-unreachable' })
    expect(runs).toBe(0)
    await opened.server.start()
    expect(await inbox.admit('before', effectOf('before'))).toBe('duplicate')
    expect(await inbox.admit('down', effectOf('down'))).toBe('applied')
  })
})

describe('a server that does not answer', () => {
  afterEach(() => opened.server.thaw())

  it.each(MOMENTS)('$when $step causes only an error, in time [E8, E11]', async (moment) => {
    const key = `frozen ${moment.when} ${moment.step}`
    const { pool } = opened.open()
    const frozen = poolWith(pool, moment, () => Promise.resolve(opened.server.freeze()))
    const inbox = postgresInbox({
      pool: frozen,
      consumer: 'orders',
      commandTimeoutMs: 100,
      transactionTimeoutMs: 300,
    })
    const first = inbox.admit(key, effectOf(key))
    const answer = await first.catch((error: unknown) => error)
    opened.server.thaw()
    // After COMMIT was answered nothing can happen to it. Behind BEGIN it is the handler's own
    // statement that hangs, for as long as a handler may take.
    const isSafe = moment.step === 'commit' && moment.when === 'after'
    expect(answer instanceof Error ? 'an error' : answer).toBe(isSafe ? 'applied' : 'an error')
    await expectAppliedOnce(first, key, opened.open().inbox)
  })

  it('in a statement of the handler causes a timeout after `handlerTimeoutMs`: the handler continues, and keeps its key', async () => {
    const keys = createTestKeys()
    const { inbox } = opened.open()
    const delivery = signDelivery(eventFixture('red_envelope.sent'), keys)
    function deliver(): Promise<unknown> {
      const webhooks = createWebhooks({ publicKey: keys.publicKey, inbox, handlerTimeoutMs: 1000 })
      webhooks.on('red_envelope.sent', async (_, { tx }) => {
        opened.server.freeze()
        await effectOf('silent')({ tx })
      })
      return webhooks.handle(delivery.delivery())
    }
    expect(await deliver()).toMatchObject({
      outcome: 'failed',
      code: 'handler-timed-out',
      status: 500,
    })
    opened.server.thaw()
    await opened.waitFor(`select 1 from effects where key = 'silent'`)
    expect(await deliver()).toMatchObject({ outcome: 'duplicate', status: 200 })
    expect(await opened.countEffects('silent')).toBe(1)
  })

  it('does not occupy the connections of the pool that were requested meanwhile', async () => {
    const { pool, inbox } = opened.open({ commandTimeoutMs: 100 }, { max: 2 })
    opened.server.freeze()
    const late = ['a', 'b', 'c', 'd'].map((key) => inbox.admit(key, effectOf(key)))
    for (const admission of late) {
      await expect(admission).rejects.toMatchObject({ code: 'postgres-pool-timed-out' })
    }
    opened.server.thaw()
    await deliverUntilDone(inbox, 'a')
    await deliverUntilDone(inbox, 'd')
    expect(pool.waitingCount).toBe(0)
  })
})

describe('a network that loses packets', () => {
  const REQUESTS: readonly (readonly [string, RegExp])[] = [
    ['BEGIN', /begin isolation/],
    ['the effect', /insert into effects/],
    ['COMMIT', /commit\0/],
  ]
  const FAULTS: readonly Fault[] = [
    'lose-request',
    'lose-answer',
    'swallow-request',
    'swallow-answer',
  ]

  it.each(REQUESTS.flatMap(([name, request]) => FAULTS.map((fault) => [fault, name, request])))(
    '%s of %s causes only an error [E9, E10, E19]',
    async (fault, name, request) => {
      const key = `${fault} of ${name}`
      const { inbox } = opened.open(
        { commandTimeoutMs: 500, transactionTimeoutMs: 1000 },
        throughProxy(),
      )
      const failed = proxy.failNext(request as RegExp, fault as Fault)
      const first = inbox.admit(key, effectOf(key))
      await expect(first).rejects.toMatchObject({ name: expect.any(String) as string })
      await failed
      const isCommitted = name === 'COMMIT' && fault.toString().endsWith('answer')
      await opened.waitFor('select 1 where (select count(*) from effects where key = $1) = $2', [
        key,
        isCommitted ? 1 : 0,
      ])
      await expectAppliedOnce(first, key, opened.open().inbox)
    },
  )

  it.each(FAULTS)(
    '%s of ROLLBACK leaves the error of the handler, and no effect',
    async (fault) => {
      const key = `${fault} of ROLLBACK`
      const { inbox } = opened.open({ commandTimeoutMs: 500 }, throughProxy())
      const failed = proxy.failNext(/rollback\0/, fault)
      const first = inbox.admit(key, async ({ tx }) => {
        await effectOf(key)({ tx })
        throw new Error('declined')
      })
      await expect(first).rejects.toThrow('declined')
      await failed
      await expectAppliedOnce(first, key, inbox)
    },
  )

  it('ends for a pool with `connectionTimeoutMillis`, full of connections that were never answered', async () => {
    const { inbox, pool } = opened.open(
      { commandTimeoutMs: 100 },
      { ...throughProxy(), max: 2, connectionTimeoutMillis: 500 },
    )
    const keys = ['unanswered a', 'unanswered b']
    const swallowed = keys.map(() => proxy.failNext(/user\0postgres/, 'swallow-request'))
    const first = Promise.allSettled(keys.map((key) => inbox.admit(key, effectOf(key))))
    await Promise.all(swallowed)
    // It is full of them, and they are not closed.
    expect(pool.totalCount).toBe(2)
    const refused = { status: 'rejected', reason: { code: 'postgres-pool-timed-out' } }
    expect(await first).toMatchObject([refused, refused])
    for (const key of keys) {
      await deliverUntilDone(inbox, key)
      expect(await opened.countEffects(key)).toBe(1)
    }
  })

  function throughProxy() {
    return { host: '127.0.0.1', port: proxy.port, user: 'postgres', connectionString: undefined }
  }
})

describe('an answer to COMMIT that is not COMMIT', () => {
  it.each([
    ['ROLLBACK', 'postgres-rolled-back'],
    ['SELECT', 'postgres-rolled-back'],
    [undefined, 'postgres-result-unexpected'],
  ])('is a failure: %s', async (command, code) => {
    const { pool } = opened.open()
    const key = `answered ${command}`
    const answering = poolWith(pool, { step: 'commit', when: 'before' }, async (client) => {
      await client.query('rollback')
      return { rows: [], command }
    })
    const inbox = postgresInbox({ pool: answering, consumer: 'orders' })
    const first = inbox.admit(key, effectOf(key))
    await expect(first).rejects.toMatchObject({ code })
    await expectAppliedOnce(first, key, inbox)
  })
})

describe('an outage of ten duplicates of each of twenty events', () => {
  it('ends with each applied once, without a new pool [E5, E17]', async () => {
    const pool = new Pool({ host: '127.0.0.1', port: proxy.port, user: 'postgres', max: 10 })
    const inbox = postgresInbox({ pool, consumer: 'orders' })
    const keys = Array.from({ length: 20 }, (_, index) => `outage ${index}`)
    const deliveries = Promise.all(
      Array.from({ length: 200 }, (_, index) =>
        deliverUntilDone(inbox, keys[index % 20] as string),
      ),
    )
    proxy.cutAll()
    await opened.server.restart()
    proxy.cutAll()
    await deliveries
    for (const key of keys) expect(await opened.countEffects(key)).toBe(1)
    await pool.end()
  })
})
