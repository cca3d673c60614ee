import type { SqlInbox } from '@hongbao/sql'
import { mikroOrmInbox } from '@hongbao/sql/mikro-orm'
import { defineEntity, p, RequestContext } from '@mikro-orm/core'
import { MikroORM as MysqlOrm } from '@mikro-orm/mysql'
import { MikroORM as PostgresOrm } from '@mikro-orm/postgresql'
import { expect, it } from 'vitest'
import { describeControl, describeOrm, type Opened, type Orm } from './suite.ts'

const Effect = defineEntity({
  name: 'Effect',
  tableName: 'effects',
  properties: { id: p.string().primary() },
})
/** With a unique key, which a flush can violate. */
const Order = defineEntity({
  name: 'Order',
  tableName: 'orders',
  properties: { id: p.string().primary() },
})
const entities = [Effect, Order]

type MysqlTx = MysqlOrm['em']
type PostgresTx = PostgresOrm['em']

const mysql: Orm<MysqlTx> = {
  name: 'mikroOrmInbox on mysql2',
  dialect: 'mysql',
  connect(clientUrl, max) {
    const orm = new MysqlOrm({ entities, clientUrl, pool: { min: 0, max } })
    return {
      open: (options) => mikroOrmInbox({ ...options, orm, dialect: 'mysql' }),
      run: (tx, sql) => tx.execute(sql),
      write: (tx, id) => tx.insert(Effect, { id }),
      undo: (tx, id) =>
        tx.transactional(async (savepoint) => {
          await savepoint.insert(Effect, { id })
          throw new Error('undone')
        }),
      writeOutside: (id) => orm.em.fork().insert(Effect, { id }),
      close: () => orm.close(),
    }
  },
}

const postgres: Orm<PostgresTx> = {
  name: 'mikroOrmInbox on pg',
  dialect: 'postgres',
  connect(clientUrl, max) {
    const orm = new PostgresOrm({ entities, clientUrl, pool: { min: 0, max } })
    return {
      open: (options) => mikroOrmInbox({ ...options, orm, dialect: 'postgres' }),
      run: (tx, sql) => tx.execute(sql),
      write: (tx, id) => tx.insert(Effect, { id }),
      undo: (tx, id) =>
        tx.transactional(async (savepoint) => {
          await savepoint.insert(Effect, { id })
          throw new Error('undone')
        }),
      writeOutside: (id) => orm.em.fork().insert(Effect, { id }),
      close: () => orm.close(),
    }
  },
}

/** An app with an inbox that others connect. */
interface App<Tx> {
  readonly em: Tx
  readonly inbox: SqlInbox<Tx>
  readonly close: () => Promise<void>
}

describeOrm(mysql, (open) => {
  describeControl('mysql', open)
  testMikroOrm(open, (clientUrl): App<MysqlTx> => {
    const orm = new MysqlOrm({ entities, clientUrl })
    const inbox = mikroOrmInbox({ orm, dialect: 'mysql', consumer: 'orders' })
    return { em: orm.em, inbox, close: () => orm.close() }
  })
})

describeOrm(postgres, (open) => {
  describeControl('postgres', open)
  testMikroOrm(open, (clientUrl): App<PostgresTx> => {
    const orm = new PostgresOrm({ entities, clientUrl })
    const inbox = mikroOrmInbox({ orm, dialect: 'postgres', consumer: 'orders' })
    return { em: orm.em, inbox, close: () => orm.close() }
  })
})

function testMikroOrm<Tx extends MysqlTx | PostgresTx>(
  open: (connections?: number) => Promise<Opened<Tx>>,
  openApp: (url: string) => App<Tx>,
): void {
  it('flushes what a handler persisted before it commits', async () => {
    const { inbox, countEffects } = await open(1)
    const admission = inbox.admit('persist', async ({ tx }) => {
      tx.persist(tx.create(Effect, { id: 'persisted' }))
    })
    expect(await admission).toBe('applied')
    expect(await countEffects('persisted')).toBe(1)
  })

  it('flushes nothing of a handler that fails', async () => {
    const { inbox, countEffects } = await open(1)
    const kept: Tx[] = []
    const admission = inbox.admit('unflushed', async ({ tx }) => {
      kept.push(tx)
      tx.persist(tx.create(Effect, { id: 'unflushed' }))
      throw new Error('declined')
    })
    await expect(admission).rejects.toThrow('declined')
    await expect(kept[0]?.flush()).rejects.toThrow('already rolled back')
    expect(await countEffects('unflushed')).toBe(0)
    // Nor with the next event.
    await inbox.admit('unflushed', async () => {})
    expect(await countEffects('unflushed')).toBe(0)
  })

  it('fails an event whose flush fails, with all of its writes', async () => {
    const { inbox, write, database, countEffects } = await open(1)
    await database.query('create table orders (id varchar(100) primary key)')
    await database.query(`insert into orders (id) values ('taken')`)
    const admit = (id: string): Promise<unknown> =>
      inbox.admit('flush', async ({ tx }) => {
        await write(tx, 'flush')
        tx.persist(tx.create(Order, { id }))
      })
    await expect(admit('taken')).rejects.toMatchObject({
      name: 'InboxError',
      code: 'sql-refused',
      cause: { name: 'UniqueConstraintViolationException' },
    })
    expect(await countEffects('flush')).toBe(0)
    expect(await admit('free')).toBe('applied')
    expect(await countEffects('flush')).toBe(1)
  })

  it.each(['begin', 'commit', 'rollback'] as const)(
    'refuses tx.%s(), and stays in the transaction',
    async (control) => {
      const { inbox, write, countEffects } = await open(1)
      const admission = inbox.admit(control, async ({ tx }) => {
        await expect(tx[control]()).rejects.toMatchObject({ code: 'sql-transaction-control' })
        await write(tx, control)
        throw new Error('declined')
      })
      await expect(admission).rejects.toThrow('declined')
      expect(await countEffects(control)).toBe(0)
    },
  )

  it('makes the EntityManager of the app that of the transaction while a handler runs', async () => {
    const { database, countEffects } = await open()
    const { em, inbox, close } = openApp(database.url)
    try {
      const admission = inbox.admit('context', async ({ tx }) => {
        expect(em.getContext()).toBe(tx)
        await em.insert(Effect, { id: 'context' })
        throw new Error('declined')
      })
      await expect(admission).rejects.toThrow('declined')
      expect(await countEffects('context')).toBe(0)
    } finally {
      await close()
    }
  })

  it('begins a transaction of its own inside one of the app, or inside a request', async () => {
    const { database, countEffects } = await open()
    const { em, inbox, close } = openApp(database.url)
    try {
      const admit = (id: string): Promise<unknown> =>
        inbox.admit(id, async ({ tx }) => void tx.persist(tx.create(Effect, { id })))
      const outer = em.fork().transactional(async () => {
        expect(await admit('nested')).toBe('applied')
        throw new Error('declined')
      })
      await expect(outer).rejects.toThrow('declined')
      expect(await countEffects('nested')).toBe(1)
      expect(await RequestContext.create(em, () => admit('request'))).toBe('applied')
      expect(await countEffects('request')).toBe(1)
    } finally {
      await close()
    }
  })
}

it('mikroOrmInbox refuses what is no MikroORM, and another dialect', () => {
  const consumer = 'orders'
  const orm = new PostgresOrm({ entities, clientUrl: 'postgres://127.0.0.1/none' })
  expect(() => mikroOrmInbox({ orm: {} as never, dialect: 'mysql', consumer })).toThrow('`orm`')
  expect(() => mikroOrmInbox({ orm, dialect: 'sqlite' as never, consumer })).toThrow('`dialect`')
})
