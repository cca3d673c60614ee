import { createWebhooks } from '@hongbao/core'
import { nodeWebhooks } from '@hongbao/core/node'
import { createTestKeys, eventFixture, signDelivery } from '@hongbao/core/testing'
import type { SqlInbox, SqlInboxCommonOptions } from '@hongbao/sql'
import { createServer } from 'node:http'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { describeInbox } from '../../conformance/inbox.ts'
import { hostOf, type SqlProcess } from '../../conformance/inboxes/sql.ts'
import { isMysql } from '../../servers/mariadb.ts'
import { startDatabase, type Database } from '../../servers/sql.ts'
import { listen } from '../checks.ts'

/** An ORM as an app has it: connected, with a way to write an effect. */
export interface OrmProcess<Tx> extends SqlProcess<Tx> {
  readonly open: (options: SqlInboxCommonOptions) => SqlInbox<Tx>
  /** Writes an effect in the transaction, as people do with the ORM. */
  readonly write: (tx: Tx, name: string) => Promise<unknown>
  /** Writes an effect in a savepoint, as people do with the ORM, and undoes it: rejects with `undone`. */
  readonly undo: (tx: Tx, name: string) => Promise<unknown>
  /** Writes an effect by the ORM's outer client. */
  readonly writeOutside: (name: string) => Promise<unknown>
}

/** An ORM on a driver. */
export interface Orm<Tx> {
  readonly name: string
  readonly dialect: 'mysql' | 'postgres'
  /** Connects, with so many connections at the most. */
  connect(url: string, connections: number): OrmProcess<Tx> | Promise<OrmProcess<Tx>>
}

/** What the tests of one ORM use besides. */
export interface Opened<Tx> extends OrmProcess<Tx> {
  readonly inbox: SqlInbox<Tx>
  readonly database: Database
  readonly countEffects: (name: string) => Promise<number>
}

/** Runs the conformance suite on the inbox, and what handlers can do with its transactions. */
export function describeOrm<Tx>(
  orm: Orm<Tx>,
  more: (opened: (connections?: number) => Promise<Opened<Tx>>) => void = () => {},
): void {
  const { name, dialect } = orm
  describeInbox(hostOf({ name, dialect, connect: (url) => orm.connect(url, 10) }))

  describe.each([orm])('$name', () => {
    let database: Database
    const processes: OrmProcess<Tx>[] = []

    beforeAll(async () => {
      database = await startDatabase(dialect)
      await database.query('create table effects (id varchar(100) not null)')
      await (await open()).inbox.ensureSchema()
    })

    afterEach(async () => {
      await Promise.all(processes.splice(0).map((process) => process.close()))
    })

    afterAll(() => database.close())

    async function open(connections = 3): Promise<Opened<Tx>> {
      const process = await orm.connect(database.url, connections)
      processes.push(process)
      const inbox = process.open({ consumer: 'orders', cleanUpEverySeconds: false })
      return { ...process, inbox, database, countEffects }
    }

    async function countEffects(effect: string): Promise<number> {
      const [row] = await database.query(`select count(*) as n from effects where id = '${effect}'`)
      return Number(row?.['n'])
    }

    describeTransactions(open)
    if (dialect === 'mysql') describeDeadlock(open)
    more(open)

    it('is ready with its table, and names `ensureSchema()` without it', async () => {
      const { inbox, open: openInbox } = await open(1)
      await inbox.ready()
      const missing = openInbox({ consumer: 'orders', table: 'missing' })
      await expect(missing.ready()).rejects.toMatchObject({ code: 'sql-table-missing' })
      await missing.ensureSchema()
      await missing.ready()
    })

    it('refuses an unknown option', async () => {
      const { open: openInbox } = await open()
      const misspelt = { consumer: 'orders', retentionSecond: 1 }
      expect(() => openInbox(misspelt)).toThrow('`retentionSecond`')
    })

    it('applies a delivery over HTTP once', async () => {
      const { inbox, write } = await open()
      const keys = createTestKeys()
      const webhooks = createWebhooks({ publicKey: keys.publicKey, inbox })
      webhooks.on('red_envelope.sent', ({ data: { object } }, { tx }) =>
        write(tx, object.order_no).then(() => {}),
      )
      const app = await listen(createServer(nodeWebhooks(webhooks)))
      try {
        const event = eventFixture('red_envelope.sent', { object: { order_no: 'http' } })
        const init = signDelivery(event, keys).init()
        const first = await fetch(app.url, init)
        expect(await first.text()).toBe('{"outcome":"handled"}')
        const second = await fetch(app.url, init)
        expect(await second.text()).toBe('{"outcome":"duplicate"}')
        expect(await countEffects('http')).toBe(1)
      } finally {
        await app.close()
      }
    })
  })
}

function describeTransactions<Tx>(open: (connections?: number) => Promise<Opened<Tx>>): void {
  describe('tx', () => {
    it('loses the writes of a handler that fails, whose error is passed on as it is', async () => {
      const { inbox, write, countEffects } = await open()
      const declined = new Error('declined')
      const admission = inbox.admit('declined', async ({ tx }) => {
        await write(tx, 'declined')
        throw declined
      })
      await expect(admission).rejects.toBe(declined)
      expect(await countEffects('declined')).toBe(0)
      expect(await inbox.admit('declined', ({ tx }) => done(write(tx, 'declined')))).toBe('applied')
      expect(await countEffects('declined')).toBe(1)
    })

    it.each([
      ['fails', 0],
      ['succeeds', 1],
    ])('refuses a branch that writes on after its handler %s', async (outcome, committed) => {
      const { inbox, write, countEffects } = await open()
      const name = `branch ${outcome}`
      let branch: Promise<unknown> = Promise.resolve()
      const admission = inbox.admit(name, async ({ tx }) => {
        await write(tx, `${name} first`)
        branch = writeOn(() => write(tx, `${name} late`))
        // In flight when the handler ends.
        await write(tx, `${name} first`)
        if (outcome === 'fails') throw new Error('declined')
      })
      const during = await admission.then(
        () => countEffects(`${name} late`),
        () => 0,
      )
      expect(await branch).toBeInstanceOf(Error)
      expect(await countEffects(`${name} first`)).toBe(2 * committed)
      // What was sent before COMMIT is committed with it.
      expect(await countEffects(`${name} late`)).toBe(during)
      expect(await inbox.admit(name, async () => {})).toBe(committed ? 'duplicate' : 'applied')
    })

    it('refuses a failing branch and a later one in Promise.all', async () => {
      const { inbox, write, countEffects } = await open()
      const failing = Promise.withResolvers<void>()
      let late: Promise<unknown> = Promise.resolve()
      const declined = new Error('declined')
      const admission = inbox.admit('all', async ({ tx }) => {
        late = failing.promise.then(() => write(tx, 'all'))
        await Promise.all([write(tx, 'all').then(() => Promise.reject(declined)), late])
      })
      await expect(admission).rejects.toBe(declined)
      failing.resolve()
      await expect(late).rejects.toBeInstanceOf(Error)
      expect(await countEffects('all')).toBe(0)
    })

    it('refuses what is kept past the end of its event, while another event has the connection', async () => {
      const { inbox, write, countEffects } = await open(1)
      const kept: Tx[] = []
      await inbox.admit('keeps', async ({ tx }) => void kept.push(tx))
      await expect(
        inbox.admit('keeps and fails', ({ tx }) => {
          kept.push(tx)
          return Promise.reject(new Error('declined'))
        }),
      ).rejects.toThrow('declined')
      await inbox.admit('next', async () => {
        for (const tx of kept) await expect(write(tx, 'kept')).rejects.toBeInstanceOf(Error)
      })
      expect(await countEffects('kept')).toBe(0)
    })

    it('undoes a savepoint of a handler by itself', async () => {
      const { inbox, write, undo, countEffects } = await open(1)
      await inbox.admit('savepoint', async ({ tx }) => {
        await write(tx, 'around')
        await expect(undo(tx, 'undone')).rejects.toThrow('undone')
        await write(tx, 'around')
      })
      expect([await countEffects('around'), await countEffects('undone')]).toEqual([2, 0])
    })

    it.each([
      ['keeps nothing, if its connection is cut', 0],
      ['keeps nothing, if its connection is cut and the error is swallowed', 1],
    ])('%s, and the next event has another connection [E17]', async (name, swallowed) => {
      const { inbox, database, run, write, countEffects } = await open(1)
      const admission = inbox.admit(name, async ({ tx }) => {
        await write(tx, name)
        const rows = (await run(tx, database.connectionId)) as [{ readonly id: unknown }]
        await database.cut(Number(rows[0].id))
        const late = write(tx, name)
        await (swallowed ? late.catch(() => {}) : late)
      })
      await expect(admission).rejects.toBeInstanceOf(Error)
      expect(await countEffects(name)).toBe(0)
      expect(await inbox.admit(name, ({ tx }) => done(write(tx, name)))).toBe('applied')
      expect(await inbox.admit(name, async () => {})).toBe('duplicate')
      expect(await countEffects(name)).toBe(1)
    })

    it('does not hold what the outer client writes: it stays when the handler fails', async () => {
      const { inbox, writeOutside, countEffects } = await open()
      const admission = inbox.admit('trap', async () => {
        await writeOutside('trap')
        throw new Error('declined')
      })
      await expect(admission).rejects.toThrow('declined')
      expect(await countEffects('trap')).toBe(1)
    })
  })

  it('waits for a connection of a pool that others have', async () => {
    const { inbox, write, countEffects } = await open(1)
    const names = ['queue 1', 'queue 2', 'queue 3']
    const admissions = names.map((name) => inbox.admit(name, ({ tx }) => done(write(tx, 'queue'))))
    expect(await Promise.all(admissions)).toEqual(['applied', 'applied', 'applied'])
    expect(await countEffects('queue')).toBe(3)
  })
}

function describeDeadlock<Tx>(open: (connections?: number) => Promise<Opened<Tx>>): void {
  it('keeps nothing of what a handler writes after a deadlock whose error it swallows [E81]', async () => {
    const { inbox, database, run, write, writeOutside, countEffects } = await open(1)
    await database.query('create table if not exists locks (id int primary key)')
    await database.query('insert ignore into locks values (1), (2)')
    let sent: Promise<unknown> = Promise.resolve()
    const admission = inbox.admit('deadlock', async ({ tx }) => {
      await write(tx, 'deadlock')
      await database.query('begin')
      // The transaction that has changed more rows survives.
      await database.query('insert into locks values (3), (4), (5), (6), (7), (8)')
      await database.query('select * from locks where id = 1 for update')
      await run(tx, 'select * from locks where id = 2 for update')
      const winner = database.query('select * from locks where id = 2 for update')
      const loser = run(tx, 'select * from locks where id = 1 for update')
      // Another branch has sent its statement before the deadlock is known.
      sent = write(tx, 'deadlock').catch(() => {})
      await expect(loser).rejects.toBeInstanceOf(Error)
      await winner
      await database.query('rollback')
      await write(tx, 'deadlock').catch(() => {})
    })
    await expect(admission).rejects.toMatchObject({ code: 'sql-transaction-left' })
    await sent
    expect(await countEffects('deadlock')).toBe(0)
    // The connection is as the pool lent it.
    await writeOutside('deadlock')
    expect(await countEffects('deadlock')).toBe(1)
    expect(await inbox.admit('deadlock', async () => {})).toBe('applied')
  })

  // MySQL has no such setting.
  it.skipIf(isMysql)(
    'keeps nothing of what a handler writes after the server has rolled back for a changed row [E81]',
    async () => {
      const { inbox, database, countEffects } = await open(1)
      await database.query('create table if not exists changed (id int primary key, n int)')
      await database.query('insert ignore into changed values (1, 0)')
      // The default from MariaDB 11.6.2 on.
      await database.query('set global innodb_snapshot_isolation = 1')
      const { inbox: isolated, run, write } = await open(1)
      // Its connection begins with the setting.
      await isolated.ready()
      await database.query('set global innodb_snapshot_isolation = 0')
      const admission = isolated.admit('changed', async ({ tx }) => {
        await write(tx, 'changed')
        await run(tx, 'select * from changed')
        await database.query('update changed set n = n + 1')
        await expect(run(tx, 'update changed set n = n + 1')).rejects.toBeInstanceOf(Error)
        await write(tx, 'changed').catch(() => {})
      })
      await expect(admission).rejects.toMatchObject({ code: 'sql-transaction-left' })
      expect(await countEffects('changed')).toBe(0)
      expect(await inbox.admit('changed', async () => {})).toBe('applied')
    },
  )

  it('leaves a connection on which the app commits at once, whether the handler fails or not', async () => {
    const { inbox, writeOutside, countEffects } = await open(1)
    await inbox.admit('succeeds', async () => {})
    await writeOutside('succeeds')
    await expect(inbox.admit('fails', () => Promise.reject(new Error('declined')))).rejects.toThrow(
      'declined',
    )
    await writeOutside('fails')
    expect([await countEffects('succeeds'), await countEffects('fails')]).toEqual([1, 1])
  })
}

/** For inboxes that see the statements of handlers: none of them may end the transaction. */
export function describeControl<Tx>(
  dialect: 'mysql' | 'postgres',
  open: (connections?: number) => Promise<Opened<Tx>>,
): void {
  const implicit = ['create table other (id int)', 'truncate effects', 'set autocommit = 1']
  it.each(['commit', 'ROLLBACK', ...(dialect === 'mysql' ? implicit : ['end', 'abort'])])(
    'refuses a handler that sends `%s`, and stays in the transaction [E82]',
    async (statement) => {
      const { inbox, run, write, countEffects } = await open(1)
      const name = `sends ${statement}`
      const admission = inbox.admit(name, async ({ tx }) => {
        await write(tx, name)
        await expect(run(tx, statement)).rejects.toSatisfy(isControl)
        await write(tx, name)
        throw new Error('declined')
      })
      await expect(admission).rejects.toThrow('declined')
      expect(await countEffects(name)).toBe(0)
      expect(await inbox.admit(name, async () => {})).toBe('applied')
    },
  )
}

/** The error itself, or wrapped by the ORM. */
function isControl(error: { readonly code?: string; readonly cause?: object }): boolean {
  return [error.code, Reflect.get(Object(error.cause), 'code')].includes('sql-transaction-control')
}

/** Writes again and again until that is refused. Resolves with the refusal. */
async function writeOn(write: () => Promise<unknown>): Promise<unknown> {
  try {
    for (let writes = 0; writes < 500; writes += 1) await write()
    return 'never refused'
  } catch (error) {
    return error
  }
}

async function done(writing: Promise<unknown>): Promise<void> {
  await writing
}
