import { afterAll, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest'
import { effectOf, openPostgres, type Opened } from './opened.ts'

let opened: Opened

beforeAll(async () => {
  opened = await openPostgres()
})

beforeEach(async () => {
  await opened.query('truncate hongbao_inbox, effects')
})

afterAll(() => opened.close())

const DAY = 24 * 60 * 60

/** Keys that were applied so many seconds ago. */
async function remember(count: number, secondsAgo: number): Promise<void> {
  await opened.query(
    `insert into hongbao_inbox select gen_random_uuid(), clock_timestamp() - make_interval(secs => $2)
      from generate_series(1, $1)`,
    [count, secondsAgo],
  )
}

async function countKeys(): Promise<number> {
  return Number(
    (await opened.query('select count(*)::int as count from hongbao_inbox'))[0]?.['count'],
  )
}

describe('cleanUp', () => {
  it('deletes keys past the retention, and no younger ones [E32]', async () => {
    const { inbox } = opened.open({ retentionSeconds: 2 * DAY })
    await remember(30, 2 * DAY + 1)
    await remember(7, 2 * DAY - 60)
    expect(await inbox.cleanUp()).toBe(30)
    expect(await countKeys()).toBe(7)
    expect(await inbox.cleanUp()).toBe(0)
  })

  it.each([
    [
      'hash',
      ['for values with (modulus 2, remainder 0)', 'for values with (modulus 2, remainder 1)'],
    ],
    [
      'range',
      [
        `for values from (minvalue) to ('80000000-0000-0000-0000-000000000000')`,
        `for values from ('80000000-0000-0000-0000-000000000000') to (maxvalue)`,
      ],
    ],
  ])(
    'deletes keys past the retention, and no younger ones, from a table partitioned by %s [E38]',
    async (kind, bounds) => {
      const table = `partitioned_by_${kind}`
      await opened.query(
        `create table ${table} (
          key uuid primary key, applied_at timestamptz not null default clock_timestamp()
        ) partition by ${kind} (key)`,
      )
      for (const [at, bound] of bounds.entries()) {
        await opened.query(`create table ${table}_${at} partition of ${table} ${bound}`)
      }
      // Expired and young ones have the same places in the partitions: row 1 of the one is old.
      await opened.query(`insert into ${table} select key, clock_timestamp() - age from (values
        ('00000000-0000-0000-0000-000000000001'::uuid, interval '31 days')) as old (key, age)`)
      const { inbox } = opened.open({ table })
      await inbox.ensureSchema()
      await inbox.ready()
      const keys = Array.from({ length: 200 }, (_, at) => `${kind} ${at}`)
      for (const key of keys) expect(await inbox.admit(key, effectOf(key))).toBe('applied')
      expect(await inbox.cleanUp()).toBe(1)
      for (const key of keys) expect(await inbox.admit(key, effectOf(key))).toBe('duplicate')
    },
  )

  it.each([1, 7, 99, 100, 101, 1000])('deletes all, in batches of %i', async (batchSize) => {
    const { inbox } = opened.open()
    await remember(100, 31 * DAY)
    expect(await inbox.cleanUp({ batchSize })).toBe(100)
    expect(await countKeys()).toBe(0)
  })

  it('finds expired keys by the index, and does not read the others [E69]', async () => {
    const { pool, inbox } = opened.open()
    await remember(20_000, DAY)
    await opened.query('analyze hongbao_inbox')
    const client = await pool.connect()
    const sent = vi.spyOn(client, 'query')
    client.release()
    await inbox.cleanUp()
    const text = String(sent.mock.lastCall?.[0]).split(';\n').at(-1)
    const rows = await opened.query(`explain ${text}`)
    const plan = rows.map((row) => row['QUERY PLAN']).join('\n')
    expect(plan).toMatch(/using hongbao_inbox_applied_at .*\n +Index Cond: \(applied_at </)
    expect(plan).not.toMatch(/Filter: .*applied_at/)
  })

  it('deletes no key that is being applied [E32]', async () => {
    const { inbox } = opened.open()
    await remember(10, 31 * DAY)
    const admission = inbox.admit('running', async ({ tx }) => {
      expect(await inbox.cleanUp()).toBe(10)
      await effectOf('running')({ tx })
    })
    expect(await admission).toBe('applied')
    expect(await inbox.admit('running', effectOf('running'))).toBe('duplicate')
  })

  it('runs in one process at a time', async () => {
    await remember(3000, 31 * DAY)
    const cleaners = Array.from({ length: 8 }, () => opened.open().inbox)
    const counts = await Promise.all(cleaners.map((inbox) => inbox.cleanUp({ batchSize: 50 })))
    const total = counts.reduce((sum, count) => sum + count, 0)
    expect(total + (await countKeys())).toBe(3000)
    const { inbox } = opened.open()
    await inbox.cleanUp()
    expect(await countKeys()).toBe(0)
  })

  it('deletes nothing while another process cleans up', async () => {
    const { inbox, pool } = opened.open()
    await remember(5, 31 * DAY)
    const other = await pool.connect()
    await other.query('begin')
    // The lock that another process's batch holds until its end.
    const { rows } = await other.query<{ lock: string }>(
      `select ('x' || encode(substring(sha256('clean-up of hongbao_inbox') for 8), 'hex'))::bit(64)::bigint::text as lock`,
    )
    await other.query('select pg_advisory_xact_lock($1)', [rows[0]?.lock])
    expect(await inbox.cleanUp()).toBe(0)
    await other.query('rollback')
    other.release()
    expect(await inbox.cleanUp()).toBe(5)
  })

  it.each([0, -1, 1.5, Infinity])('refuses a batch of %d', async (batchSize) => {
    const { inbox } = opened.open()
    await expect(inbox.cleanUp({ batchSize })).rejects.toMatchObject({ code: 'option-invalid' })
  })
})

describe('the automatic clean-up', () => {
  it('runs after a delivery, once in an interval', async () => {
    const clock = vi.spyOn(performance, 'now')
    const start = performance.now()
    clock.mockReturnValue(start)
    const { inbox } = opened.open({ cleanUpEverySeconds: 3600 })
    await remember(10, 31 * DAY)
    clock.mockReturnValue(start + 3600 * 1000)
    await inbox.admit('due', effectOf('due'))
    await opened.waitFor('select 1 where (select count(*) from hongbao_inbox) = 1')
    await remember(10, 31 * DAY)
    await inbox.admit('not due', effectOf('not due'))
    clock.mockReturnValue(start + 2 * 3600 * 1000 + 1)
    await inbox.admit('due again', effectOf('due again'))
    const cleaned = opened.waitFor('select 1 where (select count(*) from hongbao_inbox) = 3')
    await expect(cleaned).resolves.toBeUndefined()
    clock.mockRestore()
  })

  it.each<[string, (error: unknown) => unknown]>([
    ['is told', () => {}],
    [
      'throws',
      () => {
        throw new Error('metrics are down')
      },
    ],
    ['rejects', () => Promise.reject(new Error('metrics are down'))],
  ])('fails no delivery if it fails, even if the hook %s of it [F15]', async (_, react) => {
    const clock = vi.spyOn(performance, 'now')
    const start = performance.now()
    clock.mockReturnValue(start)
    const told = Promise.withResolvers<unknown>()
    const { inbox } = opened.open({
      cleanUpEverySeconds: 1,
      onWarning(error, about) {
        told.resolve([error, about])
        return react(error)
      },
    })
    clock.mockReturnValue(start + 1000)
    await opened.query(
      'create or replace rule keep as on delete to hongbao_inbox do instead select 1 / 0',
    )
    expect(await inbox.admit('broken', effectOf('broken'))).toBe('applied')
    expect(await told.promise).toMatchObject([
      { name: 'InboxError', code: 'postgres-clean-up-failed', cause: { code: 'postgres-refused' } },
      { code: 'postgres-clean-up-failed' },
    ])
    await opened.query('drop rule keep on hongbao_inbox')
    clock.mockRestore()
  })

  it('is logged to the console by default', async () => {
    const warned = Promise.withResolvers<unknown>()
    const warn = vi.spyOn(console, 'warn').mockImplementation(warned.resolve)
    const clock = vi.spyOn(performance, 'now')
    const start = performance.now()
    clock.mockReturnValue(start)
    const { inbox } = opened.open({ cleanUpEverySeconds: 1 })
    clock.mockReturnValue(start + 1000)
    await opened.query('create rule keep as on delete to hongbao_inbox do instead select 1 / 0')
    await inbox.admit('warned', effectOf('warned'))
    expect(await warned.promise).toMatch(
      /^\[hongbao] postgres-clean-up-failed: .* \[InboxError postgres-refused [0-9A-Z]{5}[ \]]/,
    )
    await opened.query('drop rule keep on hongbao_inbox')
    clock.mockRestore()
    warn.mockRestore()
  })
})
