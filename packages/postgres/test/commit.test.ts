import type { PoolClient } from 'pg'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { effectOf, openPostgres, type Opened, type OpenInbox } from './opened.ts'

let opened: Opened

beforeAll(async () => {
  opened = await openPostgres()
  await opened.query(`create table orders (id int primary key, paid int not null default 0)`)
  await opened.query(`insert into orders (id) values (1), (2), (3)`)
  await opened.query(
    `create table payments (order_id int references orders deferrable initially deferred)`,
  )
})

afterAll(() => opened.close())

/** Nothing is committed, and the next delivery of the event is applied as if it were the first. */
async function expectNothingApplied({ inbox }: OpenInbox, key: string): Promise<void> {
  expect(await opened.countEffects(key)).toBe(0)
  expect(await inbox.admit(key, effectOf(key))).toBe('applied')
  expect(await opened.countEffects(key)).toBe(1)
}

describe('a COMMIT', () => {
  it('commits the key and what the handler wrote together', async () => {
    const { inbox } = opened.open()
    const admission = inbox.admit('together', async ({ tx }) => {
      await effectOf('together')({ tx })
      expect(await opened.countEffects('together')).toBe(0)
    })
    expect(await admission).toBe('applied')
    expect(await opened.countEffects('together')).toBe(1)
    expect(await inbox.admit('together', effectOf('together'))).toBe('duplicate')
    expect(await opened.countEffects('together')).toBe(1)
  })

  it('that Postgres answers with ROLLBACK is a failure: a swallowed error [E20]', async () => {
    const open = opened.open()
    const admission = open.inbox.admit('swallowed', async ({ tx }) => {
      await effectOf('swallowed')({ tx })
      await tx.query('insert into nowhere values (1)').catch(() => {})
    })
    await expect(admission).rejects.toMatchObject({
      name: 'InboxError',
      code: 'postgres-statement-failed',
      cause: { code: '25P02' },
    })
    await expectNothingApplied(open, 'swallowed')
  })

  it('that Postgres answers with ROLLBACK is a failure: a statement that was not awaited', async () => {
    const open = opened.open()
    const admission = open.inbox.admit('unawaited', async ({ tx }) => {
      await effectOf('unawaited')({ tx })
      tx.query('insert into nowhere values (1)').catch(() => {})
    })
    await expect(admission).rejects.toMatchObject({ code: 'postgres-statement-failed' })
    await expectNothingApplied(open, 'unawaited')
  })

  it('succeeds when an error was caught after a savepoint', async () => {
    const { inbox } = opened.open()
    const admission = inbox.admit('savepoint', async ({ tx }) => {
      await tx.query('savepoint maybe')
      await tx
        .query('insert into nowhere values (1)')
        .catch(() => tx.query('rollback to savepoint maybe'))
      await effectOf('savepoint')({ tx })
    })
    expect(await admission).toBe('applied')
    expect(await opened.countEffects('savepoint')).toBe(1)
  })

  it('that fails is a failed execution: a constraint that is checked late', async () => {
    const open = opened.open()
    const admission = open.inbox.admit('deferred', async ({ tx }) => {
      await effectOf('deferred')({ tx })
      await tx.query('insert into payments values (99)')
    })
    await expect(admission).rejects.toMatchObject({
      code: 'postgres-constraint-violated',
      cause: { code: '23503' },
    })
    await expectNothingApplied(open, 'deferred')
  })

  it('that fails is a failed execution: a serialization failure [E18]', async () => {
    const open = opened.open({ isolation: 'serializable' })
    const sum = 'select sum(paid) from orders'
    const admission = open.inbox.admit('serializable', async ({ tx }) => {
      await tx.query(sum)
      const other = await open.pool.connect()
      await other.query('begin isolation level serializable')
      await other.query(sum)
      await other.query('update orders set paid = 1 where id = 1')
      await tx.query('update orders set paid = 1 where id = 2')
      await effectOf('serializable')({ tx })
      await other.query('commit')
      other.release()
    })
    await expect(admission).rejects.toMatchObject({
      code: 'postgres-serialization-failed',
      cause: { code: '40001' },
    })
    await expectNothingApplied(open, 'serializable')
  })
})

describe('a handler that fails in Postgres', () => {
  it('passes on its own error: a deadlock [E17]', async () => {
    const open = opened.open({ lockTimeoutMs: 30_000 })
    const other = await open.pool.connect()
    await other.query('begin')
    await other.query('update orders set paid = 2 where id = 1')
    const admission = open.inbox.admit('deadlock', async ({ tx }) => {
      await effectOf('deadlock')({ tx })
      // Whoever waits for the other first is the one that Postgres ends.
      await tx.query(`set local deadlock_timeout = '10ms'`)
      await other.query(`set local deadlock_timeout = '1h'`)
      await tx.query('update orders set paid = 2 where id = 2')
      const theirs = other.query('update orders set paid = 2 where id = 2')
      const ours = tx.query('update orders set paid = 2 where id = 1')
      await Promise.allSettled([ours, theirs.then(() => other.query('commit'))])
      await ours
    })
    await expect(admission).rejects.toMatchObject({ code: '40P01' })
    other.release()
    await expectNothingApplied(open, 'deadlock')
  })

  it('waits for a lock no longer than `lockTimeoutMs`', async () => {
    const open = opened.open({ lockTimeoutMs: 20 })
    const other = await open.pool.connect()
    await other.query('begin')
    await other.query('update orders set paid = 3 where id = 3')
    const admission = open.inbox.admit('locked', async ({ tx }) => {
      await effectOf('locked')({ tx })
      await tx.query('update orders set paid = 3 where id = 3')
    })
    await expect(admission).rejects.toMatchObject({ code: '55P03' })
    await other.query('commit')
    other.release()
    await expectNothingApplied(open, 'locked')
  })
})

/** Runs SQL that only the connection sees, as a cursor or a COPY might. */
async function submit(tx: PoolClient, text: string): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    tx.query({
      submit: (connection: { query(text: string): void }) => connection.query(text),
      handleCommandComplete() {},
      handleReadyForQuery: resolve,
      handleError: reject,
    })
  })
}

describe('a handler that ends the transaction itself', () => {
  it.each([
    'commit',
    'COMMIT',
    '  commit;',
    'end',
    'END TRANSACTION',
    'rollback',
    'rollback work',
    'abort',
    'begin',
    'BEGIN ISOLATION LEVEL SERIALIZABLE',
    'start  transaction',
    `prepare transaction 'later'`,
    'commit and chain',
    '-- done\ncommit',
    '/* done */ commit',
    '; commit',
    `insert into effects values ('and more'); commit`,
    `insert into effects values ('and more'); rollback; select 1`,
    `insert into effects values ('and more'); commit; begin`,
  ])('is stopped at `%s`, and the transaction continues [E21]', async (statement) => {
    const { inbox } = opened.open()
    const admission = inbox.admit(`stopped at ${statement}`, async ({ tx }) => {
      await effectOf(statement)({ tx })
      const refused = { name: 'InboxError', code: 'postgres-transaction-control' }
      await expect(tx.query(statement)).rejects.toMatchObject(refused)
      await expect(tx.query({ text: statement })).rejects.toMatchObject(refused)
    })
    expect(await admission).toBe('applied')
    expect(await opened.countEffects(statement)).toBe(1)
    expect(await opened.countEffects('and more')).toBe(0)
  })

  it.each([
    ['committed', 'insert into effects values ($key); commit', 1],
    ['rolled back', 'insert into effects values ($key); rollback', 0],
    ['committed and begun anew', 'insert into effects values ($key); commit; begin', 1],
    ['rolled back and begun anew', 'insert into effects values ($key); rollback; begin', 0],
  ])('is detected if it could not be stopped: %s [E21]', async (name, sql, effects) => {
    const { inbox } = opened.open()
    const key = `found out: ${name}`
    const admission = inbox.admit(key, async ({ tx }) => {
      await submit(tx, sql.replace('$key', `'${key}'`))
    })
    await expect(admission).rejects.toMatchObject({ code: 'postgres-transaction-left' })
    // What the handler itself has committed is kept, with the key: nothing is applied twice.
    expect(await opened.countEffects(key)).toBe(effects)
    expect(await inbox.admit(key, effectOf(key))).toBe(effects === 1 ? 'duplicate' : 'applied')
    expect(await opened.countEffects(key)).toBe(1)
  })

  it('is stopped at a COMMIT after another statement, because the check before COMMIT is too late for half of the work [E21]', async () => {
    const { inbox } = opened.open()
    async function admitHalf(key: string, run: typeof submit): Promise<unknown> {
      const halves = (half: string): string => `insert into effects values ('${key}, ${half}')`
      async function work({ tx }: { tx: PoolClient }): Promise<void> {
        await run(tx, `${halves('first')}; commit`)
        await run(tx, halves('second'))
        throw new Error('the handler fails')
      }
      await expect(inbox.admit(key, work)).rejects.toThrow(Error)
      return await inbox.admit(key, effectOf(key))
    }
    expect(await admitHalf('unseen', submit)).toBe('duplicate')
    expect(await opened.countEffects('unseen')).toBe(0)
    const seen = admitHalf('seen', async (tx, text) => void (await tx.query(text)))
    expect(await seen).toBe('applied')
    expect(await opened.countEffects('seen')).toBe(1)
    expect(await opened.countEffects('seen, first')).toBe(0)
  })

  it.each(['savepoint a', 'commitment', 'endless', 'beginning'])(
    'may say `%s`',
    async (statement) => {
      const { inbox } = opened.open()
      const admission = inbox.admit(`says ${statement}`, async ({ tx }) => {
        await tx.query('savepoint before')
        await tx.query(statement).catch(() => tx.query('rollback to before'))
        await tx.query('rollback work to savepoint before')
        await tx.query('release savepoint before')
      })
      expect(await admission).toBe('applied')
    },
  )
})
