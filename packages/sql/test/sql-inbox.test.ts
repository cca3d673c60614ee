import { InboxError } from '@hongbao/core'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { hasMariadb } from '../../../test/servers/mariadb.ts'
import type { SqlDialect } from '../src/index.ts'
import { effectOf, openSql, type Opened, type Orm, type Tx } from './opened.ts'

const DIALECTS: readonly SqlDialect[] = hasMariadb ? ['mysql', 'postgres'] : ['postgres']

describe.each(DIALECTS)('sqlInbox on %s', (dialect) => {
  let opened: Opened

  beforeAll(async () => {
    opened = await openSql(dialect)
    await opened.database.query('create table locks (id int primary key)')
    await opened.database.query('insert into locks values (1), (2)')
  })

  afterAll(() => opened.close())

  /** Rejects with the code, has run the handler so often, and leaves the key free for a sound ORM. */
  async function expectNotApplied(key: string, orm: Partial<Orm>, code: string, runs: number) {
    const work = vi.fn<ReturnType<typeof effectOf>>(effectOf(key))
    const inbox = opened.open(orm)
    await expect(inbox.admit(key, work)).rejects.toMatchObject({ name: 'InboxError', code })
    expect(work).toHaveBeenCalledTimes(runs)
    expect(await opened.open().admit(key, effectOf(key))).toBe('applied')
    expect(await opened.countEffects(key)).toBe(1)
  }

  describe('a handler that throws', () => {
    it.each<[string, (orm: Orm) => Partial<Orm>]>([
      ['rolls back', () => ({})],
      [
        'wraps the error',
        (orm) => ({
          transaction: (run) =>
            orm.transaction(run).catch((cause: unknown) => {
              throw new Error('Transaction failed', { cause })
            }),
        }),
      ],
      [
        'swallows the error',
        (orm) => ({ transaction: (run) => orm.transaction(run).catch(() => {}) }),
      ],
      [
        'tries again',
        (orm) => ({
          transaction: (run) => orm.transaction(run).catch(() => orm.transaction(run)),
        }),
      ],
    ])('is called once, and its error passed on itself, if the ORM %s', async (name, change) => {
      const error = new Error('declined')
      const work = vi.fn<ReturnType<typeof effectOf>>(async ({ tx }) => {
        await effectOf(name)({ tx })
        throw error
      })
      await expect(opened.open(change(opened.orm)).admit(name, work)).rejects.toBe(error)
      expect(work).toHaveBeenCalledOnce()
      expect(await opened.countEffects(name)).toBe(0)
      expect(await opened.open().admit(name, effectOf(name))).toBe('applied')
    })
  })

  it.each([
    Object.assign(new Error('relation "orders" does not exist'), { code: '42P01' }),
    Object.assign(new Error("Table 'orders' doesn't exist"), { errno: 1146 }),
    null,
  ])('passes on what a handler throws as it is, of a database or not: %s', async (error) => {
    const key = `thrown ${String(error).length}`
    const work = vi.fn<ReturnType<typeof effectOf>>().mockRejectedValue(error)
    await expect(opened.open().admit(key, work)).rejects.toBe(error)
    expect(await opened.open().admit(key, effectOf(key))).toBe('applied')
  })

  describe('an ORM', () => {
    it('that calls `run` again after a success runs no handler twice [E76]', async () => {
      const transaction: Orm['transaction'] = async (run) => {
        // The commit of the first call fails: a deadlock, say.
        await opened.orm
          .transaction((tx) => run(tx).then(() => Promise.reject(new Error('deadlock'))))
          .catch(() => {})
        await opened.orm.transaction(run)
      }
      await expectNotApplied('again', { transaction }, 'sql-transaction-repeated', 1)
    })

    it('that calls `run` again and swallows that does not count as applied', async () => {
      const transaction: Orm['transaction'] = async (run) => {
        await opened.orm
          .transaction((tx) => run(tx).then(() => Promise.reject(new Error('deadlock'))))
          .catch(() => {})
        await opened.orm.transaction(run).catch(() => {})
      }
      await expectNotApplied('swallowed', { transaction }, 'sql-transaction-repeated', 1)
    })

    it('that does not call `run` does not count as applied', async () => {
      const transaction: Orm['transaction'] = () => Promise.resolve()
      await expectNotApplied('not called', { transaction }, 'sql-transaction-skipped', 0)
    })

    it('that does not wait for `run` does not count as applied', async () => {
      const end = Promise.withResolvers<void>()
      const pending: Promise<unknown>[] = []
      const transaction: Orm['transaction'] = (run) => {
        pending.push(opened.orm.transaction(run).catch(() => {}))
        return Promise.resolve()
      }
      const admission = opened.open({ transaction }).admit('not awaited', () => end.promise)
      await expect(admission).rejects.toMatchObject({ code: 'sql-transaction-skipped' })
      end.resolve()
      await Promise.all(pending)
    })

    it('whose COMMIT fails does not count as applied', async () => {
      const cause = new Error('the commit failed')
      const transaction: Orm['transaction'] = (run) =>
        opened.orm.transaction(async (tx) => {
          await run(tx)
          throw cause
        })
      const inbox = opened.open({ transaction })
      const failure = await inbox.admit('commit', effectOf('commit')).catch((e: unknown) => e)
      expect(failure).toBeInstanceOf(InboxError)
      expect(failure).toMatchObject({ code: 'sql-refused', cause })
      expect(await opened.countEffects('commit')).toBe(0)
    })

    it('that throws at once is reported as any other failure', async () => {
      const transaction: Orm['transaction'] = () => {
        throw Object.assign(new Error('refused'), { code: 'ECONNREFUSED' })
      }
      await expectNotApplied('thrown', { transaction }, 'sql-unreachable', 0)
    })

    it.each<[string, unknown]>([
      [
        'with a getter that throws',
        Object.defineProperty(new Error('odd'), 'code', {
          get: () => {
            throw new Error('unreadable')
          },
        }),
      ],
      ['that is its own cause', ownCause()],
      [
        'whose code is a name that every object has',
        Object.assign(new Error(), { code: 'toString' }),
      ],
      ['whose code is a symbol', Object.assign(new Error(), { code: Symbol('code') })],
      ['null', null],
    ])('that rejects with an error %s is reported as any other failure', async (name, cause) => {
      const transaction: Orm['transaction'] = () => Promise.reject(cause)
      await expectNotApplied(name, { transaction }, 'sql-refused', 0)
    })

    it('that resolves a SELECT with something other than its rows is told so', async () => {
      const query: Orm['query'] = async (...args) => [await opened.orm.query(...args), []]
      await expectNotApplied('fields', { query }, 'sql-result-unexpected', 0)
    })

    it('may return numbers as text, bigint or boolean', async () => {
      for (const [name, convert] of CONVERSIONS) {
        const query: Orm['query'] = async (...args) => {
          const rows = await opened.orm.query(...args)
          if (!Array.isArray(rows)) return rows
          return rows.map((row: Record<string, unknown>) => ({
            pk: row['pk'],
            applied: convert(Number(row['applied'])),
          }))
        }
        const inbox = opened.open({ query })
        const admit = () => inbox.admit(`as ${name}`, effectOf(`as ${name}`))
        expect([name, await admit(), await admit()]).toEqual([name, 'applied', 'duplicate'])
      }
    })
  })

  it('notices that a key was not committed by itself [E77]', async () => {
    // As with `autocommit = 0`, or on another database.
    const query: Orm['query'] = (sql, values, tx) =>
      sql.startsWith('insert') ? Promise.resolve([]) : opened.orm.query(sql, values, tx)
    await expectNotApplied('invisible', { query }, 'sql-claim-missing', 0)
  })

  it('does not apply an event whose handler rolls back and resolves [E21]', async () => {
    const key = 'rolled back'
    const admission = opened.open().admit(key, async ({ tx }) => {
      await effectOf(key)({ tx })
      await tx.run('rollback')
    })
    await expect(admission).rejects.toMatchObject({ code: 'sql-transaction-left' })
    expect(await opened.open().admit(key, effectOf(key))).toBe('applied')
    expect(await opened.countEffects(key)).toBe(1)
  })

  it('keeps the writes of a handler that commits: on Postgres without its key, on MySQL with it [E21]', async () => {
    const key = 'committed'
    const [answer] = await Promise.allSettled([
      opened.open().admit(key, async ({ tx }) => {
        await effectOf(key)({ tx })
        await tx.run('commit')
      }),
    ])
    expect(answer).toMatchObject(
      dialect === 'mysql'
        ? { value: 'applied' }
        : { reason: { name: 'InboxError', code: 'sql-transaction-left' } },
    )
    expect(await opened.countEffects(key)).toBe(1)
    const next = dialect === 'mysql' ? 'duplicate' : 'applied'
    expect(await opened.open().admit(key, async () => {})).toBe(next)
  })

  it('does not apply an event whose handler swallows a failed statement that undoes the others [E20]', async () => {
    const key = 'swallowed statement'
    const admission = opened.open().admit(key, async ({ tx }) => {
      await effectOf(key)({ tx })
      await (dialect === 'mysql' ? loseDeadlock(tx) : tx.run('select 1 / 0').catch(() => {}))
    })
    const code = dialect === 'mysql' ? 'sql-transaction-left' : 'sql-statement-failed'
    await expect(admission).rejects.toMatchObject({ code })
    expect(await opened.countEffects(key)).toBe(0)
    expect(await opened.open().admit(key, effectOf(key))).toBe('applied')
  })

  /** Makes this transaction the victim of a deadlock, and swallows the error. */
  async function loseDeadlock(tx: Tx): Promise<void> {
    const lock = (id: number) => `select * from locks where id = ${id} for update`
    await opened.orm.transaction(async (other) => {
      // The one that has changed more rows survives.
      for (let row = 0; row < 20; row += 1) await other.run(`insert into effects values ('other')`)
      await other.run(lock(1))
      await tx.run(lock(2))
      const [waits, loses] = await Promise.allSettled([other.run(lock(2)), tx.run(lock(1))])
      expect([waits.status, loses.status]).toEqual(['fulfilled', 'rejected'])
    })
  }

  it('keeps apart consumers that share a table [E37]', async () => {
    const [orders, mails] = [opened.open(), opened.open({ consumer: 'mails' })]
    expect(await orders.admit('shared', effectOf('shared'))).toBe('applied')
    expect(await mails.admit('shared', effectOf('shared'))).toBe('applied')
    expect(await orders.admit('shared', effectOf('shared'))).toBe('duplicate')
  })

  it('applies each of 60 keys once when 600 deliveries come at once, without one deadlock', async () => {
    const inbox = opened.open()
    const answers = await Promise.all(
      Array.from({ length: 600 }, (_, index) =>
        inbox.admit(`many ${index % 60}`, effectOf(`many ${index % 60}`)),
      ),
    )
    expect(answers.filter((answer) => answer === 'applied')).toHaveLength(60)
    for (let key = 0; key < 60; key += 1) expect(await opened.countEffects(`many ${key}`)).toBe(1)
  })

  it('works in a table of another name', async () => {
    const schema = dialect === 'mysql' ? 'test' : 'public'
    const inbox = opened.open({ table: `${schema}.红包_inbox` })
    await expect(inbox.admit('named', async () => {})).rejects.toMatchObject({
      code: 'sql-table-missing',
    })
    await inbox.ensureSchema()
    await inbox.ready()
    expect(await inbox.admit('named', async () => {})).toBe('applied')
  })
})

const CONVERSIONS: readonly [string, (value: number) => unknown][] = [
  ['text', String],
  ['bigint', BigInt],
  ['boolean', Boolean],
]

function ownCause(): Error {
  const error = new Error('in a circle')
  return Object.assign(error, { cause: error, original: error, meta: error, driverError: error })
}
