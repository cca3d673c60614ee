import type { PoolConnection as CallbackConnection } from 'mysql2'
import { createPool, type Pool, type PoolConnection, type PoolOptions } from 'mysql2/promise'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { hasMariadb } from '../../../test/servers/mariadb.ts'
import { startDatabase, type Database } from '../../../test/servers/sql.ts'
import { mysql2Inbox, type Mysql2InboxOptions } from '../src/mysql2.ts'

/** Its streams are only there. Its type in mysql2 is another. */
function callbackConnection({ connection }: PoolConnection): CallbackConnection {
  return connection as unknown as CallbackConnection
}

const INSERT_LATE = `insert into effects (name) values ('by another way')`

describe.skipIf(!hasMariadb)('mysql2Inbox', () => {
  let database: Database
  const pools: Pool[] = []

  beforeAll(async () => {
    database = await startDatabase('mysql')
    await database.query('create table effects (name varchar(100) not null)')
    await database.query('create table locks (id int primary key)')
    await database.query('insert into locks values (1), (2)')
    await open().inbox.ensureSchema()
  })

  afterEach(async () => {
    await Promise.all(pools.splice(0).map((pool) => pool.end()))
  })

  afterAll(() => database.close())

  function open(
    settings: PoolOptions = {},
    options: Partial<Mysql2InboxOptions<PoolConnection>> = {},
  ) {
    const pool = createPool({ uri: database.url, connectionLimit: 1, ...settings })
    pools.push(pool)
    const inbox = mysql2Inbox({ pool, consumer: 'orders', cleanUpEverySeconds: false, ...options })
    return { pool, inbox }
  }

  function effectOf(name: string) {
    return async ({ tx }: { readonly tx: PoolConnection }): Promise<void> => {
      await tx.execute('insert into effects (name) values (?)', [name])
    }
  }

  async function countEffects(name: string): Promise<number> {
    const [row] = await database.query(`select count(*) as n from effects where name = '${name}'`)
    return Number(row?.['n'])
  }

  describe('tx', () => {
    it('is a connection of the pool, which is free again after every end', async () => {
      const { inbox, pool } = open()
      expect(await inbox.admit('free', effectOf('free'))).toBe('applied')
      expect(await inbox.admit('free', effectOf('free'))).toBe('duplicate')
      const error = new Error('declined')
      await expect(inbox.admit('fails', () => Promise.reject(error))).rejects.toBe(error)
      await expect(
        inbox.admit('fails', ({ tx }) => tx.query('select wrong').then(() => {})),
      ).rejects.toMatchObject({ code: 'ER_BAD_FIELD_ERROR' })
      expect(await inbox.admit('fails', effectOf('fails'))).toBe('applied')
      const [rows] = await pool.query('select @@autocommit as autocommit')
      expect(rows).toEqual([{ autocommit: 1 }])
      expect(await countEffects('fails')).toBe(1)
    })

    it('cannot be released or closed by handlers', async () => {
      const { inbox } = open()
      const admission = inbox.admit('released', async ({ tx }) => {
        tx.release()
        tx.destroy()
        await effectOf('released')({ tx })
      })
      expect(await admission).toBe('applied')
      expect(await countEffects('released')).toBe(1)
    })

    it('cannot end its transaction by a method [E21]', async () => {
      const { inbox } = open()
      const control = { name: 'InboxError', code: 'sql-transaction-control' }
      await inbox.admit('controlled', async ({ tx }) => {
        await effectOf('controlled')({ tx })
        await expect(tx.commit()).rejects.toMatchObject(control)
        await expect(tx.rollback()).rejects.toMatchObject(control)
        await expect(tx.beginTransaction()).rejects.toMatchObject(control)
      })
      expect(await countEffects('controlled')).toBe(1)
    })

    it.each([
      'commit',
      ' ROLLBACK work',
      'begin',
      'start transaction read only',
      'set autocommit = 1',
      'set @@session.autocommit = 1',
      // These commit implicitly.
      'create table staging (id int)',
      'truncate locks',
      'alter table locks comment = "x"',
      'lock tables locks read',
    ])(
      'refuses a statement that ends the transaction, and keeps nothing: %s [E21, E79]',
      async (sql) => {
        const { inbox } = open()
        const control = { name: 'InboxError', code: 'sql-transaction-control' }
        for (const send of [
          (tx: PoolConnection) => tx.query(sql),
          (tx: PoolConnection) => tx.query({ sql }),
          (tx: PoolConnection) => tx.execute(sql),
        ]) {
          const admission = inbox.admit(sql, async ({ tx }) => {
            await effectOf(sql)({ tx })
            await send(tx)
          })
          await expect(admission).rejects.toMatchObject(control)
        }
        expect(await countEffects(sql)).toBe(0)
        expect(await inbox.admit(sql, effectOf(sql))).toBe('applied')
      },
    )

    it.each(['rollback to savepoint part', 'rollback work to part', 'release savepoint part'])(
      'runs a statement that does not end the transaction: %s',
      async (sql) => {
        const { inbox } = open()
        const admission = inbox.admit(sql, async ({ tx }) => {
          await tx.query('create temporary table staged (id int)')
          await tx.query('drop temporary table staged')
          await tx.query('savepoint part')
          await tx.query(sql)
          await effectOf(sql)({ tx })
        })
        expect(await admission).toBe('applied')
        expect(await countEffects(sql)).toBe(1)
      },
    )

    it('is not given back at the end of `await using`', async () => {
      const { inbox, pool } = open({ connectionLimit: 2 })
      const admission = inbox.admit('using', async (context) => {
        {
          await using tx = context.tx
          await effectOf('using')({ tx })
        }
        const other = await pool.getConnection()
        expect(other.threadId).not.toBe(context.tx.threadId)
        other.release()
      })
      expect(await admission).toBe('applied')
      expect(await countEffects('using')).toBe(1)
    })

    it('refuses what a handler that has resolved still sends, even before the commit [E78]', async () => {
      const { inbox } = open()
      const late: Promise<unknown>[] = []
      const admission = inbox.admit('before the commit', async ({ tx }) => {
        // It goes on while the inbox checks the mark.
        const goesOn = tx.query('do 0').then(() => effectOf('before the commit')({ tx }))
        goesOn.catch(() => {})
        late.push(goesOn)
      })
      expect(await admission).toBe('applied')
      await expect(Promise.all(late)).rejects.toMatchObject({ code: 'sql-transaction-over' })
      expect(await countEffects('before the commit')).toBe(0)
    })

    it.each<[string, (tx: PoolConnection) => Promise<() => Promise<unknown>>]>([
      [
        'a prepared statement',
        async (tx) => {
          const statement = await tx.prepare('insert into effects (name) values (?)')
          return () => statement.execute(['by another way'])
        },
      ],
      [
        'its callback connection',
        async (tx) => () => {
          const { promise, resolve, reject } = Promise.withResolvers<unknown>()
          callbackConnection(tx).query(INSERT_LATE, (error) =>
            error === null ? resolve(undefined) : reject(error),
          )
          return promise
        },
      ],
      [
        'a promise connection of its callback connection',
        async (tx) => {
          const own = callbackConnection(tx).promise()
          return () => own.query(INSERT_LATE)
        },
      ],
    ])('is closed after the end for %s, too [E78]', async (_, prepare) => {
      const { inbox } = open()
      const send = Promise.withResolvers<() => Promise<unknown>>()
      await inbox
        .admit('by another way', async ({ tx }) => {
          send.resolve(await prepare(tx))
          throw new Error('declined')
        })
        .catch(() => {})
      await expect((await send.promise)()).rejects.toMatchObject({ code: 'sql-transaction-over' })
      expect(await countEffects('by another way')).toBe(0)
    })

    it('is closed after the end, so that a handler that runs on writes nothing [E78]', async () => {
      const { inbox } = open()
      const isOver = Promise.withResolvers<void>()
      const late: Promise<void>[] = []
      const error = new Error('declined')
      const admission = inbox.admit('late', ({ tx }) => {
        late.push(isOver.promise.then(() => effectOf('late')({ tx })))
        return Promise.reject(error)
      })
      await expect(admission).rejects.toBe(error)
      isOver.resolve()
      await expect(Promise.all(late)).rejects.toMatchObject({ code: 'sql-transaction-over' })
      expect(await countEffects('late')).toBe(0)
    })

    it('rolls back statements that a handler left running when it rejected', async () => {
      const { inbox } = open()
      const left: Promise<void>[] = []
      const admission = inbox.admit('left', ({ tx }) => {
        left.push(effectOf('left')({ tx }), effectOf('left')({ tx }))
        return Promise.reject(new Error('declined'))
      })
      await expect(admission).rejects.toThrow('declined')
      await Promise.all(left)
      expect(await countEffects('left')).toBe(0)
    })

    it('keeps nothing of a handler that swallows a deadlock and goes on [E20]', async () => {
      const { inbox } = open()
      const other = open().pool
      const admission = inbox.admit('deadlock', async ({ tx }) => {
        await effectOf('deadlock')({ tx })
        await loseDeadlock(tx, other)
        await effectOf('deadlock')({ tx })
      })
      await expect(admission).rejects.toMatchObject({ code: 'sql-transaction-left' })
      expect(await countEffects('deadlock')).toBe(0)
      expect(await inbox.admit('deadlock', effectOf('deadlock'))).toBe('applied')
    })
  })

  it('commits nothing of a run that lost a deadlock, if another delivery was applied since [E80]', async () => {
    const { inbox } = open()
    const second = open()
    const admission = inbox.admit('overtaken', async ({ tx }) => {
      await loseDeadlock(tx, second.pool)
      expect(await second.inbox.admit('overtaken', effectOf('overtaken'))).toBe('applied')
      await effectOf('overtaken')({ tx })
    })
    await expect(admission).rejects.toMatchObject({ code: 'sql-transaction-left' })
    expect(await countEffects('overtaken')).toBe(1)
    expect(await inbox.admit('overtaken', effectOf('overtaken'))).toBe('duplicate')
  })

  /** Makes this transaction the victim of a deadlock, and swallows the error. */
  async function loseDeadlock(tx: PoolConnection, pool: Pool): Promise<void> {
    const winner = await pool.getConnection()
    await winner.beginTransaction()
    // The one that has changed more rows survives.
    await winner.query(`insert into effects values ('w'), ('w'), ('w'), ('w'), ('w'), ('w')`)
    await winner.query('select * from locks where id = 1 for update')
    await tx.query('select * from locks where id = 2 for update')
    const [wins, loses] = await Promise.allSettled([
      winner.query('select * from locks where id = 2 for update'),
      tx.query('select * from locks where id = 1 for update'),
    ])
    expect([wins.status, loses.status]).toEqual(['fulfilled', 'rejected'])
    await winner.rollback()
    winner.release()
  }

  describe('a connection', () => {
    it('that is lost under a handler rolls back, and the pool goes on without it [E17]', async () => {
      const { inbox } = open()
      const admission = inbox.admit('cut', async ({ tx }) => {
        await effectOf('cut')({ tx })
        await database.cut(tx.threadId)
      })
      await expect(admission).rejects.toMatchObject({ name: 'InboxError', code: 'sql-unreachable' })
      expect(await countEffects('cut')).toBe(0)
      expect(await inbox.admit('cut', effectOf('cut'))).toBe('applied')
      expect(await countEffects('cut')).toBe(1)
    })

    it('that cannot roll back is closed', async () => {
      const { inbox, pool } = open()
      const connection = await pool.getConnection()
      const first = connection.threadId
      connection.release()
      const error = new Error('declined')
      const admission = inbox.admit('no rollback', async ({ tx }) => {
        await database.cut(tx.threadId)
        throw error
      })
      await expect(admission).rejects.toBe(error)
      const next = await pool.getConnection()
      expect(next.threadId).not.toBe(first)
      next.release()
    })
  })

  it('waits for the only connection of a pool, and no longer than the pool says', async () => {
    const { inbox, pool } = open({ queueLimit: 1 })
    const held = await pool.getConnection()
    const [waiting, refused] = [
      inbox.admit('queued', effectOf('queued')),
      inbox.admit('full', effectOf('full')),
    ]
    await expect(refused).rejects.toMatchObject({ name: 'InboxError', code: 'sql-refused' })
    held.release()
    expect(await waiting).toBe('applied')
  })

  it.each([
    ['ANSI quotes', `set sql_mode = 'ANSI_QUOTES,NO_BACKSLASH_ESCAPES'`],
    ['strict dates', `set sql_mode = 'TRADITIONAL'`],
    ['another time zone', `set time_zone = '+08:00'`],
    ['another encoding', `set names latin1`],
    ['READ COMMITTED', 'set session transaction isolation level read committed'],
    ['SERIALIZABLE', 'set session transaction isolation level serializable'],
  ])('applies an event once with the session setting: %s', async (name, setting) => {
    const { inbox, pool } = open({ connectionLimit: 3 })
    const connections = await Promise.all([1, 2, 3].map(() => pool.getConnection()))
    for (const connection of connections) {
      await connection.query(setting)
      connection.release()
    }
    const admission = inbox.admit(name, async ({ tx }) => {
      expect(await inbox.admit(name, effectOf(name))).toBe('busy')
      await effectOf(name)({ tx })
    })
    expect(await admission).toBe('applied')
    expect(await inbox.admit(name, effectOf(name))).toBe('duplicate')
    expect(await inbox.cleanUp()).toBe(0)
    expect(await countEffects(name)).toBe(1)
  })

  it('is ready while another process that rehearses has written its mark, with READ UNCOMMITTED', async () => {
    const { inbox, pool } = open()
    await inbox.ready()
    await pool.query('set session transaction isolation level read uncommitted')
    await database.query('start transaction')
    await database.query('update hongbao_inbox set applied_at = now() where applied_at is null')
    await expect(inbox.ready()).resolves.toBeUndefined()
    await database.query('rollback')
  })

  it('says so if the server commits nothing by itself [E77]', async () => {
    await database.query('set global autocommit = 0')
    try {
      const { inbox } = open({ connectionLimit: 2 })
      await expect(inbox.ready()).rejects.toMatchObject({ code: 'sql-claim-missing' })
    } finally {
      await database.query('set global autocommit = 1')
    }
  })

  it.each<[string, object]>([
    ['pool', { consumer: 'orders' }],
    ['pool', { consumer: 'orders', pool: { query() {} } }],
    ['consumer', { pool: { query() {}, getConnection() {} } }],
    ['dialect', { consumer: 'orders', pool: { query() {}, getConnection() {} }, dialect: 'mysql' }],
  ])('refuses a wrong or unknown option: %s', (option, options) => {
    expect(() => mysql2Inbox(options as never)).toThrow(
      expect.objectContaining({
        name: 'OptionError',
        message: expect.stringContaining(`\`${option}\``),
      }),
    )
  })
})
