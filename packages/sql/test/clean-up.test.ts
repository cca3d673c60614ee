import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest'
import { hasMariadb } from '../../../test/servers/mariadb.ts'
import type { SqlDialect } from '../src/index.ts'
import { effectOf, openSql, type Opened, type Orm } from './opened.ts'

const DIALECTS: readonly SqlDialect[] = hasMariadb ? ['mysql', 'postgres'] : ['postgres']
const DAY = 24 * 60 * 60

describe.each(DIALECTS)('cleaning up on %s', (dialect) => {
  let opened: Opened

  beforeAll(async () => {
    opened = await openSql(dialect)
  })

  afterEach(() => opened.database.query('delete from hongbao_inbox'))

  afterAll(() => opened.close())

  /** Makes columns of all rows so much older. */
  async function age(days: number, ...columns: readonly string[]): Promise<void> {
    const interval = dialect === 'mysql' ? `interval ${days} day` : `interval '${days} days'`
    const changes = columns.map((column) => `${column} = ${column} - ${interval}`)
    await opened.database.query(`update hongbao_inbox set ${changes.join(', ')}`)
  }

  async function countKeys(): Promise<number> {
    const [row] = await opened.database.query('select count(*) as n from hongbao_inbox')
    return Number(row?.['n'])
  }

  it('deletes what was applied before the retention, in batches, and nothing younger', async () => {
    const inbox = opened.open({ retentionSeconds: 2 * DAY })
    for (let key = 0; key < 25; key += 1) await inbox.admit(`old ${key}`, async () => {})
    await age(3, 'created_at', 'applied_at')
    await inbox.admit('young', async () => {})
    expect(await inbox.cleanUp({ batchSize: 10 })).toBe(25)
    expect(await countKeys()).toBe(1)
    expect(await inbox.admit('young', async () => {})).toBe('duplicate')
  })

  it('counts from when a key was applied, not from when it came first', async () => {
    const inbox = opened.open({ retentionSeconds: 2 * DAY })
    await inbox.admit('tried for long', async () => {})
    await age(3, 'created_at')
    expect(await inbox.cleanUp()).toBe(0)
  })

  it('deletes keys that were never applied', async () => {
    const inbox = opened.open({ retentionSeconds: 2 * DAY })
    await inbox.admit('failed', () => Promise.reject(new Error('declined'))).catch(() => {})
    expect(await inbox.cleanUp()).toBe(0)
    await age(3, 'created_at')
    expect(await inbox.cleanUp()).toBe(1)
  })

  it('leaves out a key that is being applied, without waiting for it [E32]', async () => {
    const inbox = opened.open({ retentionSeconds: 2 * DAY })
    const fail = () => Promise.reject(new Error('declined'))
    for (const key of ['a', 'late', 'b']) await inbox.admit(key, fail).catch(() => {})
    await age(3, 'created_at')
    const admission = inbox.admit('late', async (context) => {
      expect(await inbox.cleanUp({ batchSize: 2 })).toBe(2)
      await effectOf('late')(context)
    })
    expect(await admission).toBe('applied')
    expect(await inbox.admit('late', effectOf('late'))).toBe('duplicate')
    expect(await opened.countEffects('late')).toBe(1)
  })

  it('deletes nearly the whole table around a key that is being applied, without waiting for it [E32]', async () => {
    const inbox = opened.open({ retentionSeconds: 2 * DAY })
    const fail = () => Promise.reject(new Error('declined'))
    const keys = Array.from({ length: 100 }, (_, at) => (at === 50 ? 'late' : `old ${at}`))
    for (const key of keys) await inbox.admit(key, fail).catch(() => {})
    await age(3, 'created_at')
    const admission = inbox.admit('late', async (context) => {
      expect(await inbox.cleanUp()).toBe(99)
      await effectOf('late')(context)
    })
    expect(await admission).toBe('applied')
  })

  it('may delete an old failed key under a redelivery, which the next redelivery applies', async () => {
    const inbox = opened.open({ retentionSeconds: 2 * DAY })
    await inbox.admit('old', () => Promise.reject(new Error('declined'))).catch(() => {})
    await age(3, 'created_at')
    const transaction: Orm['transaction'] = async (run) => {
      expect(await inbox.cleanUp()).toBe(1)
      return opened.orm.transaction(run)
    }
    await expect(opened.open({ transaction }).admit('old', effectOf('old'))).rejects.toMatchObject({
      code: 'sql-claim-missing',
      message: expect.stringContaining('clean-up has just deleted it'),
    })
    expect(await inbox.admit('old', effectOf('old'))).toBe('applied')
    expect(await opened.countEffects('old')).toBe(1)
  })

  it('deletes each key once if several processes do so at once, while events arrive', async () => {
    const inbox = opened.open({ retentionSeconds: 2 * DAY })
    await Promise.all(
      Array.from({ length: 60 }, (_, key) => inbox.admit(`old ${key}`, async () => {})),
    )
    await age(3, 'created_at', 'applied_at')
    const [counts, answers] = await Promise.all([
      Promise.all([1, 2, 3].map(() => inbox.cleanUp({ batchSize: 7 }))),
      Promise.all(Array.from({ length: 60 }, (_, key) => inbox.admit(`${key}`, async () => {}))),
    ])
    expect(answers).toEqual(Array.from({ length: 60 }, () => 'applied'))
    const rest = await inbox.cleanUp()
    expect(counts.reduce((sum, count) => sum + count, rest)).toBe(60)
    expect(await countKeys()).toBe(60)
  })

  it('runs by itself after an event when it is due, and warns if it fails', async () => {
    const now = vi.spyOn(performance, 'now')
    try {
      now.mockReturnValue(0)
      const warned = Promise.withResolvers<unknown[]>()
      const failing: Orm['query'] = (sql, ...rest) =>
        sql.includes('order by created_at')
          ? Promise.reject(new Error('no clean-up'))
          : opened.orm.query(sql, ...rest)
      const inbox = opened.open({
        query: failing,
        cleanUpEverySeconds: 60,
        onWarning: (...warning) => warned.resolve(warning),
      })
      now.mockReturnValue(61_000)
      expect(await inbox.admit('due', effectOf('due'))).toBe('applied')
      expect(await warned.promise).toMatchObject([
        { name: 'InboxError', code: 'sql-clean-up-failed', cause: { code: 'sql-refused' } },
        { code: 'sql-clean-up-failed' },
      ])
    } finally {
      now.mockRestore()
    }
  })

  it.each([0, 1.5, Number.NaN])('refuses a batch of %s', async (batchSize) => {
    await expect(opened.open().cleanUp({ batchSize })).rejects.toMatchObject({
      name: 'OptionError',
    })
  })
})
