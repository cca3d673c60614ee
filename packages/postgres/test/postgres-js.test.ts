import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import postgres, { type PendingQuery, type ReservedSql, type Row } from 'postgres'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { postgresInbox } from '../src/index.ts'
import { postgresJsPool, type PostgresJsPool } from '../src/postgres-js.ts'
import { startProxy } from '../../../test/servers/proxy.ts'
import { openPostgres, type Opened } from './opened.ts'

let opened: Opened

beforeAll(async () => {
  opened = await openPostgres()
})

afterAll(() => opened.close())

/** The one effect of a handler, through `tx`. */
async function applyEffect(tx: ReservedSql, key: string): Promise<void> {
  await tx`insert into effects (key) values (${key})`
}

function openPool(max = 10): PostgresJsPool<ReservedSql> {
  return postgresJsPool(() => postgres(opened.server.url, { max: 1, fetch_types: false }), { max })
}

async function terminate(pid: unknown): Promise<void> {
  await opened.query('select pg_terminate_backend($1)', [pid])
  await opened.waitFor(
    'select 1 where not exists (select 1 from pg_stat_activity where pid = $1)',
    [pid],
  )
}

async function pidOf(tx: ReservedSql): Promise<unknown> {
  return (await tx`select pg_backend_pid() as pid`)[0]?.['pid']
}

describe('the pool of postgres', () => {
  it('takes a hundred duplicates at once, and a hundred events', async () => {
    const pool = openPool(3)
    const inbox = postgresInbox({ pool, consumer: 'orders', commandTimeoutMs: 10_000 })
    const deliver = (key: string): Promise<string> =>
      inbox.admit(key, ({ tx }) => applyEffect(tx, key))
    const duplicates = await Promise.all(Array.from({ length: 100 }, () => deliver('hundred')))
    expect(duplicates.filter((answer) => answer === 'applied')).toHaveLength(1)
    const events = await Promise.all(Array.from({ length: 100 }, (_, at) => deliver(`event ${at}`)))
    expect(events).toEqual(Array.from({ length: 100 }, () => 'applied'))
    expect(await opened.countEffects('hundred')).toBe(1)
    const open = `select count(*)::int as count from pg_stat_activity where application_name = 'postgres.js'`
    expect(await opened.query(open)).toEqual([{ count: 3 }])
    await pool.end()
    await opened.waitFor(`select 1 where not exists (${open} having count(*) > 0)`)
  })

  it('rejects callers after `connectionTimeoutMs`, and lends to the next caller', async () => {
    const pool = postgresJsPool(() => postgres(opened.server.url, { max: 1, fetch_types: false }), {
      max: 1,
      connectionTimeoutMs: 100,
    })
    const lent = await pool.connect()
    const pid = await pidOf(lent)
    await expect(pool.connect()).rejects.toMatchObject({ code: 'postgres-pool-timed-out' })
    const next = pool.connect()
    lent.release()
    const again = await next
    expect(await pidOf(again)).toBe(pid)
    again.release()
    await pool.end()
  })

  it('runs no statement outside the transaction when the connection was lost in between', async () => {
    const pool = openPool(1)
    const inbox = postgresInbox({ pool, consumer: 'orders' })
    const first = inbox.admit('lost', async ({ tx }) => {
      await applyEffect(tx, 'lost')
      await terminate(await pidOf(tx))
      await applyEffect(tx, 'lost')
    })
    await expect(first).rejects.toMatchObject({ code: expect.any(String) as string })
    expect(await opened.countEffects('lost')).toBe(0)
    expect(await inbox.admit('lost', ({ tx }) => applyEffect(tx, 'lost'))).toBe('applied')
    expect(await opened.countEffects('lost')).toBe(1)
    await pool.end()
  })

  it('refuses what ends the transaction, and what comes after its end', async () => {
    const pool = openPool()
    const inbox = postgresInbox({ pool, consumer: 'orders' })
    const kept: ReservedSql[] = []
    await inbox.admit('guarded', async ({ tx }) => {
      kept.push(tx)
      for (const statement of [
        tx`commit`,
        tx`select ${1}; commit`,
        tx.unsafe('rollback'),
        tx.unsafe('select 1; rollback'),
        tx.unsafe(Buffer.from('select 1; commit') as never),
      ]) {
        await expect(statement).rejects.toMatchObject({ code: 'postgres-transaction-control' })
      }
      // A name and a list, and no statements.
      await tx`select 1 as ${tx('end')} where 'begin' in ${tx(['begin', 'commit'])}`
      await tx`savepoint a`
      await tx`rollback to savepoint a`
      await applyEffect(tx, 'guarded')
    })
    const over = { code: 'postgres-transaction-over' }
    for (const tx of kept) {
      await expect(tx`select 1`).rejects.toMatchObject(over)
      await expect(tx.unsafe('select 1')).rejects.toMatchObject(over)
      await expect(tx.notify('a', 'b')).rejects.toMatchObject(over)
    }
    expect(await opened.countEffects('guarded')).toBe(1)
    await pool.end()
  })

  it('checks a statement with the fragments in it, because a fragment is no statement', async () => {
    const pool = openPool()
    const sql = postgres(opened.server.url, { max: 1, fetch_types: false })
    const inbox = postgresInbox({ pool, consumer: 'orders' })
    const admission = inbox.admit('fragments', async ({ tx }) => {
      const periods = tx`(select 1 as begin, 2 as commit) periods`
      const isPast = [tx`begin <= ${7}`, tx`and commit <= ${7}`]
      const found =
        await tx`select case when ${isPast} then ${1} ${tx`end as past`} from ${periods}`
      expect([...found]).toEqual([{ past: '1' }])
      for (const statement of [
        tx.unsafe('commit'),
        tx`${tx`commit`}`,
        tx`select 1; ${sql`commit`}`,
        tx`select 1; ${[sql`commit`, sql`and chain`]}`,
        tx`select 1; ${tx`${tx`select 2`}; commit`}`,
        tx`com${tx`mit`}`,
      ]) {
        await expect(statement.simple()).rejects.toMatchObject({
          code: 'postgres-transaction-control',
        })
      }
      await applyEffect(tx, 'fragments')
    })
    expect(await admission).toBe('applied')
    expect(await opened.countEffects('fragments')).toBe(1)
    await sql.end()
    await pool.end()
  })

  it('notifies when the event is committed, and not when it is rolled back', async () => {
    const pool = openPool(1)
    const inbox = postgresInbox({ pool, consumer: 'orders' })
    const listener = postgres(opened.server.url, { max: 1, fetch_types: false })
    const heard: string[] = []
    const last = Promise.withResolvers<void>()
    // A channel that is called like this is a name, and no statement.
    await listener.listen('commit', (payload) => {
      heard.push(payload)
      if (payload === 'last') last.resolve()
    })
    const declined = inbox.admit('notified', async ({ tx }) => {
      await tx.notify('commit', 'declined')
      throw new Error('declined')
    })
    await expect(declined).rejects.toThrow('declined')
    const admission = inbox.admit('notified', async ({ tx }) => {
      await tx.notify('commit', 'applied')
      await tx.notify('commit', 'last')
    })
    expect(await admission).toBe('applied')
    await last.promise
    expect(heard).toEqual(['applied', 'last'])
    await listener.end()
    await pool.end()
  })

  it.each<[string, object]>([
    ['camel', postgres.camel],
    ['pascal', postgres.pascal],
    ['kebab', postgres.kebab],
    ['upper case', { column: (name: string) => name.toUpperCase() }],
  ])('works with every transformation of names and values: %s [E39]', async (name, transform) => {
    const notices: unknown[] = []
    const options = {
      max: 1,
      fetch_types: false,
      transform,
      onnotice: (notice: unknown) => notices.push(notice),
      types: { bigint: postgres.BigInt },
    }
    const pool = postgresJsPool(() => postgres(opened.server.url, options))
    const inbox = postgresInbox({ pool, consumer: 'orders' })
    await inbox.ensureSchema()
    await inbox.ready()
    expect(await inbox.admit(name, ({ tx }) => applyEffect(tx, name))).toBe('applied')
    expect(await inbox.admit(name, ({ tx }) => applyEffect(tx, name))).toBe('duplicate')
    expect(await inbox.cleanUp()).toBe(0)
    expect(notices).toEqual([])
    await pool.end()
  })

  it('calls the `onclose` hook of the options, too, when a connection was closed', async () => {
    const closed = Promise.withResolvers<unknown>()
    const pool = postgresJsPool(() =>
      postgres(opened.server.url, { max: 1, fetch_types: false, onclose: closed.resolve }),
    )
    const inbox = postgresInbox({ pool, consumer: 'orders' })
    await inbox.admit('hook', ({ tx }) => applyEffect(tx, 'hook'))
    await pool.end()
    expect(await closed.promise).toEqual(expect.any(Number))
  })

  it('drops connections that were closed while idle', async () => {
    const pool = openPool(1)
    const inbox = postgresInbox({ pool, consumer: 'orders' })
    let pid: unknown
    await inbox.admit('idle 1', async ({ tx }) => {
      pid = await pidOf(tx)
    })
    await terminate(pid)
    // It may be lent before the loss is noticed; the next caller gets another connection.
    const answers: string[] = []
    while (answers.at(-1) !== 'applied') {
      answers.push(
        await inbox.admit('idle 2', ({ tx }) => applyEffect(tx, 'idle 2')).catch(() => 'failed'),
      )
    }
    expect(answers.length).toBeLessThanOrEqual(2)
    expect(await opened.countEffects('idle 2')).toBe(1)
    await pool.end()
  })

  it('lends a waiting caller a new connection when one could not be used any more', async () => {
    const pool = openPool(1)
    const inbox = postgresInbox({ pool, consumer: 'orders' })
    const started = Promise.withResolvers<void>()
    const first = inbox.admit('broken', async ({ tx }) => {
      const pid = await pidOf(tx)
      started.resolve()
      await terminate(pid)
      await applyEffect(tx, 'broken')
    })
    const settled = first.catch(() => 'failed')
    await started.promise
    expect(await inbox.admit('waiting', ({ tx }) => applyEffect(tx, 'waiting'))).toBe('applied')
    expect(await settled).toBe('failed')
    await pool.end()
  })

  it('rejects while Postgres is down, and reconnects afterwards', async () => {
    const pool = openPool(2)
    const inbox = postgresInbox({ pool, consumer: 'orders' })
    await inbox.admit('up', ({ tx }) => applyEffect(tx, 'up'))
    await opened.server.stop()
    for (const key of ['a', 'b', 'c', 'd']) {
      await expect(inbox.admit(key, async () => {})).rejects.toMatchObject({
        name: 'InboxError',
      })
    }
    await opened.server.start()
    expect(await inbox.admit('up', async () => {})).toBe('duplicate')
    expect(await inbox.admit('a', ({ tx }) => applyEffect(tx, 'a'))).toBe('applied')
    await pool.end()
  })

  it('closes a connection on which Postgres does not answer', async () => {
    const pool = openPool(1)
    const inbox = postgresInbox({ pool, consumer: 'orders', commandTimeoutMs: 100 })
    const first = inbox.admit('frozen', async ({ tx }) => {
      await applyEffect(tx, 'frozen')
      opened.server.freeze()
    })
    await expect(first).rejects.toMatchObject({ code: 'postgres-timed-out' })
    opened.server.thaw()
    const next = postgresInbox({ pool, consumer: 'orders', commandTimeoutMs: 10_000 })
    const answers: string[] = []
    while (!['applied', 'duplicate'].includes(answers.at(-1) ?? '')) {
      answers.push(await next.admit('frozen', ({ tx }) => applyEffect(tx, 'frozen')))
    }
    expect(await opened.countEffects('frozen')).toBe(1)
    await pool.end()
  })

  it('survives a connection that is lost while it is opened, and opens another one', async () => {
    const proxy = await startProxy(opened.server.port)
    const pool = postgresJsPool(
      () =>
        postgres({
          host: '127.0.0.1',
          port: proxy.port,
          user: 'postgres',
          max: 1,
          fetch_types: false,
        }),
      { max: 1 },
    )
    const inbox = postgresInbox({ pool, consumer: 'orders' })
    // The first thing that `postgres` itself asks for, or else we.
    const failed = proxy.failNext(/typcategory|select 1/, 'lose-answer')
    await expect(inbox.admit('opening', async () => {})).rejects.toMatchObject({
      code: 'postgres-unreachable',
    })
    await failed
    expect(await inbox.admit('opening', ({ tx }) => applyEffect(tx, 'opening'))).toBe('applied')
    await pool.end()
    await proxy.close()
  })

  const nowhere = 'postgres://127.0.0.1/none'
  it.each<[string, () => unknown]>([
    ['more than one connection', () => postgres(nowhere, { max: 2, fetch_types: false })],
    ['one that asks for types', () => postgres(nowhere, { max: 1 })],
    ['the default of postgres', () => postgres(nowhere)],
  ])('refuses %s, because its loss would not be noticed', (_, open) => {
    expect(() => postgresJsPool(open as never)).toThrow(/`open` must be .*max: 1, fetch_types/)
  })

  it.each([0, -1, 1.5, Infinity])('refuses a maximum of %d', (max) => {
    expect(() => openPool(max)).toThrow(expect.objectContaining({ code: 'option-invalid' }))
  })

  it('refuses an instance in place of a function', () => {
    const sql = postgres('postgres://127.0.0.1/none', { max: 1 })
    expect(() => postgresJsPool(sql as never)).toThrow(/`open` must be a function/)
  })
})

describe('a statement of postgres, which runs when it is first awaited', () => {
  const folder = mkdtempSync(join(tmpdir(), 'hongbao-sql-'))
  const insert = `insert into effects values ('lazy') returning key`
  afterAll(() => rmSync(folder, { recursive: true }))

  type Statement = PendingQuery<Row[]>

  function sqlFile(name: string, text: string): string {
    const path = join(folder, name)
    writeFileSync(path, text)
    return path
  }

  async function readAll(statement: Statement): Promise<void> {
    for await (const rows of statement.cursor()) expect(rows).toHaveLength(1)
  }

  /** How many effects there are of statements that were made here. They are deleted. */
  async function takeEffects(): Promise<number> {
    return (await opened.query(`delete from effects where key = 'lazy' returning key`)).length
  }

  const MADE: readonly [string, (tx: ReservedSql) => Statement][] = [
    ['a template', (tx) => tx`insert into effects values ('lazy') returning key`],
    ['with values', (tx) => tx`insert into effects ${tx({ key: 'lazy' })} returning ${tx('key')}`],
    ['with a fragment', (tx) => tx`insert into effects ${tx`values (${'lazy'})`} returning key`],
    ['`unsafe`', (tx) => tx.unsafe(insert)],
    ['`unsafe` with values', (tx) => tx.unsafe(insert.replace(`'lazy'`, '$1'), ['lazy'])],
    ['`file`', (tx) => tx.file(sqlFile('insert.sql', insert))],
    [
      '`file` with values',
      (tx) => tx.file(sqlFile('values.sql', insert.replace(`'lazy'`, '$1')), ['lazy']),
    ],
  ]

  const RUN: readonly [string, (statement: Statement) => PromiseLike<unknown>][] = [
    ['awaited', (statement) => statement],
    ['`then`', (statement) => statement.then(() => {})],
    ['`catch`', (statement) => statement.catch((error: unknown) => Promise.reject(error as Error))],
    ['`finally`', (statement) => statement.finally(() => {})],
    ['`execute`', (statement) => statement.execute()],
    ['`forEach`', (statement) => statement.forEach(() => {})],
    ['`cursor` with a function', (statement) => statement.cursor(() => {})],
    ['`cursor`', readAll],
    ['`values`', (statement) => statement.values()],
    ['`raw`', (statement) => statement.raw()],
    ['`simple`', (statement) => statement.simple()],
  ]

  const LATE: typeof RUN = [
    ...RUN,
    ['`describe`', (statement) => statement.describe()],
    ['`readable`', (statement) => statement.readable()],
    ['`writable`', (statement) => statement.writable()],
  ]

  // A statement in the simple protocol takes no values.
  const WAYS = MADE.flatMap(([name, make]) =>
    RUN.filter(([way]) => way !== '`simple`' || !/value|fragment/.test(name)).map(
      ([way, run]) => [name, way, make, run] as const,
    ),
  )

  it.each(WAYS)(
    'runs within the transaction of its event: %s, by %s',
    async (name, way, make, run) => {
      const pool = openPool(1)
      const inbox = postgresInbox({ pool, consumer: 'orders' })
      const key = `in time: ${name}, ${way}`
      const declined = inbox.admit(key, async ({ tx }) => {
        await run(make(tx))
        throw new Error('declined')
      })
      await expect(declined).rejects.toThrow('declined')
      expect(await takeEffects()).toBe(0)
      const admission = inbox.admit(key, async ({ tx }) => {
        await run(make(tx))
      })
      expect(await admission).toBe('applied')
      expect(await takeEffects()).toBe(1)
      await pool.end()
    },
  )

  it.each(
    MADE.flatMap(([name, make]) => LATE.map(([way, run]) => [name, way, make, run] as const)),
  )(
    'is refused when its event is over, in another one too: %s, by %s',
    async (name, way, make, run) => {
      const pool = openPool(1)
      const inbox = postgresInbox({ pool, consumer: 'orders' })
      const over = { name: 'InboxError', code: 'postgres-transaction-over' }
      const key = `late: ${name}, ${way}`
      const made: Statement[] = []
      await inbox.admit(key, ({ tx }) => {
        made.push(make(tx), make(tx))
        return Promise.resolve()
      })
      const [alone, inAnother] = made as [Statement, Statement]
      await expect(run(alone)).rejects.toMatchObject(over)
      const another = inbox.admit(`${key}, in another`, async ({ tx }) => {
        await expect(run(inAnother)).rejects.toMatchObject(over)
        await applyEffect(tx, key)
      })
      expect(await another).toBe('applied')
      expect(await opened.countEffects(key)).toBe(1)
      expect(await takeEffects()).toBe(0)
      await pool.end()
    },
  )

  it.each(MADE)(
    'is sent in its event, or never, though it is not awaited: %s',
    async (name, make) => {
      const pool = openPool(1)
      const inbox = postgresInbox({ pool, consumer: 'orders' })
      const running: Promise<unknown>[] = []
      const declined = inbox.admit(`nobody waits: ${name}`, ({ tx }) => {
        running.push(Promise.allSettled([make(tx).execute()]))
        return Promise.reject(new Error('declined'))
      })
      await expect(declined).rejects.toThrow('declined')
      // SQL that is read from a file comes too late, while another event has the connection.
      await inbox.admit(`nobody waits: ${name}, another`, async ({ tx }) => {
        await Promise.all(running)
        await applyEffect(tx, name)
      })
      expect(await opened.countEffects(name)).toBe(1)
      expect(await takeEffects()).toBe(0)
      await pool.end()
    },
  )

  it('is refused if it is a file that ends the transaction, and the transaction goes on', async () => {
    const pool = openPool(1)
    const commit = sqlFile('commit.sql', `${insert}; commit`)
    const admission = postgresInbox({ pool, consumer: 'orders' }).admit('file', async ({ tx }) => {
      const refused = { name: 'InboxError', code: 'postgres-transaction-control' }
      await expect(tx.file(commit)).rejects.toMatchObject(refused)
      // A path is no statement.
      await expect(tx.file('end.sql')).rejects.toMatchObject({ code: 'ENOENT' })
      await applyEffect(tx, 'file')
    })
    expect(await admission).toBe('applied')
    expect(await opened.countEffects('file')).toBe(1)
    expect(await takeEffects()).toBe(0)
    await pool.end()
  })

  it('may be awaited again when its event is over: it has run', async () => {
    const pool = openPool(1)
    const made: Statement[] = []
    await postgresInbox({ pool, consumer: 'orders' }).admit('awaited again', async ({ tx }) => {
      made.push(tx`select 7 as seven`)
      await made[0]
    })
    expect([...((await made[0]) ?? [])]).toEqual([{ seven: 7 }])
    await pool.end()
  })

  it('shows where it was created, with `debug`', async () => {
    const options = { max: 1, fetch_types: false, debug: () => {} }
    const pool = postgresJsPool(() => postgres(opened.server.url, options))
    const failed = postgresInbox({ pool, consumer: 'orders' }).admit(
      'debug',
      async function here({ tx }) {
        await tx.unsafe('select nothing')
      },
    )
    const error = await failed.catch((thrown: unknown) => thrown)
    expect(String(Object(error).stack)).toContain('postgres-js.test.ts')
    await pool.end()
  })
})
