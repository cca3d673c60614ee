import { createWebhooks } from '@hongbao/core'
import { nodeWebhooks } from '@hongbao/core/node'
import { createTestKeys, eventFixture, signDelivery } from '@hongbao/core/testing'
import type { SqlInbox, SqlInboxCommonOptions } from '@hongbao/sql'
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { setImmediate } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { describeInbox } from '../../conformance/inbox.ts'
import { hostOf, type SqlHost, type SqlProcess } from '../../conformance/inboxes/sql.ts'
import { isMysql } from '../../servers/mariadb.ts'
import { startDatabase, type Database } from '../../servers/sql.ts'

/** An ORM, with a model of the table `orders`. */
export interface OrmHost<Tx> extends SqlHost<Tx> {
  readonly connect: (url: string, connections?: number) => OrmProcess<Tx> | Promise<OrmProcess<Tx>>
}

/** A process that is connected by way of an ORM. */
export interface OrmProcess<Tx> extends SqlProcess<Tx> {
  /** Creates an order by the model, in the transaction. */
  create(tx: Tx, orderNo: string): Promise<unknown>
  /** Creates an order by the model, through the object that the app has outside the transaction. */
  createOutside(orderNo: string): Promise<unknown>
  /** Creates an order by the model in a transaction inside the transaction. */
  createNested(tx: Tx, orderNo: string): Promise<unknown>
}

/** An ORM that is connected to a database with the table `orders`. */
export interface OpenOrm<Tx> extends OrmProcess<Tx> {
  readonly database: Database
  readonly inbox: SqlInbox<Tx>
  countOrders(prefix: string): Promise<number>
}

/** Starts a database, and connects with two connections: a late statement meets the next transaction. */
export async function openOrm<Tx>(host: OrmHost<Tx>): Promise<OpenOrm<Tx>> {
  const database = await startDatabase(host.dialect)
  await database.query(
    'create table orders (order_no varchar(64) primary key, status varchar(20) not null)',
  )
  const connected = await host.connect(database.url, 2)
  const inbox = connected.open(ORDERS)
  await inbox.ensureSchema()
  return {
    ...connected,
    database,
    inbox,
    async countOrders(prefix) {
      const [row] = await database.query(
        `select count(*) as n from orders where order_no like '${prefix}%'`,
      )
      return Number(row?.['n'])
    },
    async close() {
      await connected.close()
      await database.close()
    },
  }
}

const ORDERS: SqlInboxCommonOptions = { consumer: 'orders', cleanUpEverySeconds: false }

/** What every inbox in the transactions of an ORM must do. */
export function describeOrm<Tx>(host: OrmHost<Tx>): void {
  describeInbox(hostOf(host))

  describe.each([host])('$name', () => {
    let orm: OpenOrm<Tx>

    beforeAll(async () => {
      orm = await openOrm(host)
    })
    afterAll(() => orm.close())

    it('commits what a handler writes by the model with its event, once', async () => {
      const keys = createTestKeys()
      const webhooks = createWebhooks({ publicKey: keys.publicKey, inbox: orm.inbox })
      webhooks.on('red_envelope.sent', async ({ data: { object } }, { tx }) => {
        await orm.create(tx, object.order_no)
      })
      const server = createServer(nodeWebhooks(webhooks)).listen(0, '127.0.0.1')
      await once(server, 'listening')
      const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`
      const event = eventFixture('red_envelope.sent', { object: { order_no: 'served' } })
      const answers: string[] = []
      for (let turn = 0; turn < 2; turn += 1) {
        const response = await fetch(url, signDelivery(event, keys).init())
        answers.push(`${response.status} ${await response.text()}`)
      }
      server.closeAllConnections()
      server.close()
      expect(answers).toEqual(['200 {"outcome":"handled"}', '200 {"outcome":"duplicate"}'])
      expect(await orm.countOrders('served')).toBe(1)
    })

    it('rejects with the error of the handler, and rolls its writes back', async () => {
      const error = new Error('declined')
      const admission = orm.inbox.admit('declined', async ({ tx }) => {
        await orm.create(tx, 'declined')
        throw error
      })
      await expect(admission).rejects.toBe(error)
      expect(await orm.countOrders('declined')).toBe(0)
    })

    it('keeps what a failing handler writes outside its transaction: the trap in the document', async () => {
      const admission = orm.inbox.admit('trap', async ({ tx }) => {
        await orm.create(tx, 'trap inside')
        await orm.createOutside('trap outside')
        throw new Error('declined')
      })
      await expect(admission).rejects.toThrow('declined')
      expect(await orm.countOrders('trap inside')).toBe(0)
      expect(await orm.countOrders('trap outside')).toBe(1)
    })

    it('refuses what a handler that runs on writes after a rollback, and after a commit', async () => {
      const isOver = Promise.withResolvers<void>()
      const late: Promise<unknown>[] = []
      const writeLate = (tx: Tx, orderNo: string): void =>
        void late.push(isOver.promise.then(() => orm.create(tx, orderNo)))
      const failed = orm.inbox.admit('late failed', ({ tx }) => {
        writeLate(tx, 'late failed')
        return Promise.reject(new Error('declined'))
      })
      await expect(failed).rejects.toThrow('declined')
      await orm.inbox.admit('late applied', async ({ tx }) => writeLate(tx, 'late applied'))
      isOver.resolve()
      const fates = (await Promise.allSettled(late)).map(({ status }) => status)
      expect(fates).toEqual(['rejected', 'rejected'])
      expect(await orm.countOrders('late')).toBe(0)
    })

    it('keeps nothing of what other branches of a failing handler write, at any moment [E85]', async () => {
      const late: Promise<unknown>[] = []
      for (let turn = 0; turn < TURNS; turn += 1) {
        const admission = orm.inbox.admit(`storm ${turn}`, ({ tx }) =>
          Promise.all([
            orm.create(tx, `storm ${turn}`).then(() => Promise.reject(new Error('declined'))),
            ...branches((branch) => orm.create(tx, `storm ${turn}.${branch}`), late),
          ]).then(() => {}),
        )
        await expect(admission).rejects.toThrow('declined')
      }
      await Promise.allSettled(late)
      expect(await orm.countOrders('storm')).toBe(0)
      expect(await orm.inbox.admit('after the storm', async () => {})).toBe('applied')
    })

    it('keeps nothing of what nested transactions of a failing handler write, at any moment', async () => {
      const late: Promise<unknown>[] = []
      for (let turn = 0; turn < TURNS; turn += 1) {
        const admission = orm.inbox.admit(`nested ${turn}`, async ({ tx }) => {
          await orm.create(tx, `nested ${turn}`)
          late.push(writeAfter(turn, () => orm.createNested(tx, `nested ${turn}.1`)))
          throw new Error('declined')
        })
        await expect(admission).rejects.toThrow('declined')
        await orm.inbox.admit(`meanwhile ${turn}`, async () => {})
      }
      await Promise.allSettled(late)
      await orm.inbox.admit('after the nested', async () => {})
      expect(await orm.countOrders('nested')).toBe(0)
    })

    it('is ready, and not without its table', async () => {
      await orm.inbox.ready()
      const other = orm.open({ ...ORDERS, table: 'missing' })
      await expect(other.ready()).rejects.toMatchObject({ code: 'sql-table-missing' })
      await expect(other.admit('1', async () => {})).rejects.toMatchObject({
        name: 'InboxError',
        code: 'sql-table-missing',
      })
    })

    it('applies nothing if its connection is cut, and goes on with another one', async () => {
      const admission = orm.inbox.admit('cut', async ({ tx }) => {
        await orm.create(tx, 'cut')
        const rows = (await orm.run(tx, orm.database.connectionId)) as [{ readonly id: unknown }]
        await orm.database.cut(Number(rows[0].id))
      })
      // Some drivers lose their connection without a code.
      await expect(admission).rejects.toMatchObject({
        name: 'InboxError',
        code: expect.stringMatching(/^sql-(unreachable|transaction-left)$/) as string,
      })
      expect(await orm.countOrders('cut')).toBe(0)
      expect(await orm.inbox.admit('cut', async () => {})).toBe('applied')
    })

    it('refuses an unknown option', () => {
      expect(() => orm.open(Object.assign({ retention: 1 }, ORDERS))).toThrow(
        expect.objectContaining({
          name: 'OptionError',
          message: expect.stringContaining('`retention`') as string,
        }),
      )
    })
  })
}

/** For inboxes that notice what a handler leaves running. */
export function describeLateFailures<Tx>(host: OrmHost<Tx>): void {
  describe.each([host])('$name', () => {
    let orm: OpenOrm<Tx>

    beforeAll(async () => {
      orm = await openOrm(host)
    })
    afterAll(() => orm.close())

    it('answers applied only if the order is committed, whenever a branch that runs on fails', async () => {
      const late: Promise<unknown>[] = []
      for (let turn = 0; turn < TURNS; turn += 1) {
        const name = `left ${turn}.`
        const admission = orm.inbox.admit(name, async ({ tx }) => {
          await orm.create(tx, name)
          // The same order again, which fails; on Postgres that fails the transaction.
          late.push(writeAfter(turn, () => orm.create(tx, name)))
        })
        const answer = await admission.catch(() => 'failed')
        expect([name, answer, await orm.countOrders(name)]).toEqual([
          name,
          answer,
          answer === 'applied' ? 1 : 0,
        ])
      }
      await Promise.allSettled(late)
    })
  })
}

/** A handler that tries to end its transaction stays in it: what it writes is rolled back as a whole, or kept. */
export async function expectOneTransaction<Tx>(
  host: OrmHost<Tx>,
  end: (tx: Tx, orm: OpenOrm<Tx>) => Promise<void>,
): Promise<void> {
  const orm = await openOrm(host)
  const work = async ({ tx }: { readonly tx: Tx }): Promise<void> => {
    await orm.create(tx, 'ended before')
    await end(tx, orm)
    await orm.createNested(tx, 'ended after')
  }
  const failing = orm.inbox.admit('ended', async (context) => {
    await work(context)
    throw new Error('declined')
  })
  await expect(failing).rejects.toThrow('declined')
  expect(await orm.countOrders('ended')).toBe(0)
  expect(await orm.inbox.admit('ended', work)).toBe('applied')
  expect(await orm.countOrders('ended')).toBe(2)
  await orm.close()
}

/** For inboxes on MySQL after a deadlock: whether what a handler writes after it is rolled back, too. */
export function describeDeadlock<Tx>(host: OrmHost<Tx>): void {
  it(`${host.name} fails if a handler swallows a deadlock, and keeps nothing that it writes later`, async () => {
    const orm = await openOrm(host)
    const { database } = orm
    await database.query('create table locks (id int primary key)')
    await database.query('insert into locks values (1), (2)')
    const admission = orm.inbox.admit('deadlock', async ({ tx }) => {
      await orm.create(tx, 'deadlock before')
      await database.query('begin')
      // The transaction that has changed more rows survives.
      await database.query('insert into locks values (3), (4), (5), (6), (7), (8)')
      await database.query('select * from locks where id = 1 for update')
      await orm.run(tx, 'select * from locks where id = 2 for update')
      const [wins, loses] = await Promise.allSettled([
        database.query('select * from locks where id = 2 for update'),
        orm.run(tx, 'select * from locks where id = 1 for update'),
      ])
      expect([wins.status, loses.status]).toEqual(['fulfilled', 'rejected'])
      await database.query('rollback')
      await orm.create(tx, 'deadlock after').catch(() => {})
    })
    await expect(admission).rejects.toMatchObject({ code: 'sql-transaction-left' })
    expect(await orm.countOrders('deadlock before')).toBe(0)
    expect(await orm.countOrders('deadlock after')).toBe(0)
    expect(await orm.inbox.admit('deadlock', async () => {})).toBe('applied')
    await orm.close()
  })
}

/** The same if the server has rolled back because a row was changed meanwhile: the default from MariaDB 11.6.2 on. */
export function describeChangedRow<Tx>(host: OrmHost<Tx>): void {
  // MySQL has no such setting.
  it.skipIf(isMysql)(
    `${host.name} fails if a handler swallows that a row was changed, and keeps nothing that it writes later [E81]`,
    async () => {
      const orm = await openOrm(host)
      const { database } = orm
      await database.query('create table counters (n int)')
      await database.query('insert into counters values (0)')
      await database.query('set global innodb_snapshot_isolation = 1')
      const isolated = await host.connect(database.url, 1)
      const inbox = isolated.open(ORDERS)
      const admission = inbox.admit('changed', async ({ tx }) => {
        await isolated.create(tx, 'changed before')
        await isolated.run(tx, 'select n from counters')
        await database.query('update counters set n = n + 1')
        const update = isolated.run(tx, 'update counters set n = n + 1')
        await expect(update).rejects.toBeInstanceOf(Error)
        await isolated.create(tx, 'changed after').catch(() => {})
      })
      await expect(admission).rejects.toMatchObject({ code: 'sql-transaction-left' })
      expect(await orm.countOrders('changed before')).toBe(0)
      expect(await orm.countOrders('changed after')).toBe(0)
      // The app's own writes commit at once on the same connection.
      await isolated.createOutside('changed outside')
      expect(await orm.countOrders('changed outside')).toBe(1)
      expect(await inbox.admit('changed', async () => {})).toBe('applied')
      await isolated.close()
      await orm.close()
    },
  )
}

const TURNS = 16

/** Calls `write` in branches that are not awaited, each some turns of the event loop after the one before. */
function branches(
  write: (branch: number) => Promise<unknown>,
  late: Promise<unknown>[],
): Promise<unknown>[] {
  const started = Array.from({ length: 24 }, (_, branch) =>
    writeAfter(branch * 2, () => write(branch)),
  )
  late.push(...started)
  return started
}

/** Calls `write` after some turns of the event loop. */
function writeAfter(turns: number, write: () => Promise<unknown>): Promise<unknown> {
  const written = (async () => {
    for (let turn = 0; turn < turns; turn += 1) {
      await (turn % 3 === 0 ? setImmediate() : Promise.resolve())
    }
    await write()
  })()
  written.catch(() => {})
  return written
}
