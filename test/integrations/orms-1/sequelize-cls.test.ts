import { sequelizeInbox } from '@hongbao/sql/sequelize'
import { AsyncLocalStorage } from 'node:async_hooks'
import { Sequelize } from 'sequelize'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { startDatabase, type Database } from '../../servers/sql.ts'
import { openSequelize, type SequelizeApp } from './sequelize-app.ts'

/** What `cls-hooked` does, as far as Sequelize uses it. */
function createNamespace(): object {
  const storage = new AsyncLocalStorage<Map<string, unknown>>()
  return {
    get: (name: string) => storage.getStore()?.get(name),
    set: (name: string, value: unknown) => storage.getStore()?.set(name, value),
    run: (work: (context: unknown) => void) => {
      const context = new Map(storage.getStore())
      storage.run(context, () => work(context))
    },
    bind: (work: unknown) => work,
  }
}

describe('sequelizeInbox with CLS', () => {
  let database: Database
  let app: SequelizeApp

  beforeAll(async () => {
    database = await startDatabase('postgres')
    await database.query('create table orders (order_no text primary key, status text)')
    Sequelize.useCLS(createNamespace())
    app = openSequelize(database.url, {})
    await open().ensureSchema()
  })
  afterAll(async () => {
    await app.sequelize.close()
    await database.close()
  })

  const open = () => sequelizeInbox({ sequelize: app.sequelize, consumer: 'orders' })

  async function countOrders(orderNo: string): Promise<number> {
    const rows = await database.query(`select 1 from orders where order_no = '${orderNo}'`)
    return rows.length
  }

  it('commits an event although a transaction of the app around it fails', async () => {
    const inbox = open()
    const outer = app.sequelize.transaction(async () => {
      expect(await inbox.admit('1', async ({ tx }) => void (await app.create('1', tx)))).toBe(
        'applied',
      )
      throw new Error('the app fails')
    })
    await expect(outer).rejects.toThrow('the app fails')
    expect(await inbox.admit('1', async () => {})).toBe('duplicate')
    expect(await countOrders('1')).toBe(1)
  })

  it('lends handlers its transaction by CLS, too', async () => {
    const failed = open().admit('2', async () => {
      await app.create('2')
      throw new Error('declined')
    })
    await expect(failed).rejects.toThrow('declined')
    expect(await countOrders('2')).toBe(0)
  })
})
