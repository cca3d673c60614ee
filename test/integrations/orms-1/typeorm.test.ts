import { typeormInbox } from '@hongbao/sql/typeorm'
import { DataSource, EntitySchema, type DataSourceOptions, type EntityManager } from 'typeorm'
import { describe, expect, it } from 'vitest'
import {
  describeChangedRow,
  describeDeadlock,
  describeLateFailures,
  describeOrm,
  expectOneTransaction,
  openOrm,
  type OrmHost,
} from './suite.ts'

interface Order {
  readonly orderNo: string
  readonly status: string
}

const Orders = new EntitySchema<Order>({
  name: 'Order',
  tableName: 'orders',
  columns: {
    orderNo: { name: 'order_no', type: 'varchar', primary: true },
    status: { type: 'varchar' },
  },
})

function hostOf(
  name: string,
  dialect: 'mysql' | 'postgres',
  optionsOf: (url: string, connections: number) => DataSourceOptions,
): OrmHost<EntityManager> {
  return {
    name,
    dialect,
    async connect(url, connections = 10) {
      const options = { ...optionsOf(url, connections), entities: [Orders] } as DataSourceOptions
      const dataSource = await new DataSource(options).initialize()
      const create = (manager: EntityManager, orderNo: string): Promise<unknown> =>
        manager.insert(Orders, { orderNo, status: 'sent' })
      return {
        open: (common) => typeormInbox({ ...common, dataSource }),
        run: (tx, sql) => tx.query(sql),
        create,
        createOutside: (orderNo) => create(dataSource.manager, orderNo),
        createNested: (tx, orderNo) => tx.transaction((nested) => create(nested, orderNo)),
        close: () => dataSource.destroy(),
      }
    },
  }
}

const mariadb = hostOf('typeormInbox on MariaDB', 'mysql', (url, poolSize) => ({
  type: 'mysql',
  url,
  poolSize,
}))
const postgres = hostOf('typeormInbox on Postgres', 'postgres', (url, poolSize) => ({
  type: 'postgres',
  url,
  poolSize,
}))

for (const host of [mariadb, postgres]) {
  describeOrm(host)
  describeLateFailures(host)
}
describeDeadlock(mariadb)
describeChangedRow(mariadb)

describe.each([mariadb, postgres])('a handler of $name', (host) => {
  it.each<[string, (tx: EntityManager) => Promise<unknown> | undefined]>([
    ['commitTransaction()', (tx) => tx.queryRunner?.commitTransaction()],
    ['rollbackTransaction()', (tx) => tx.queryRunner?.rollbackTransaction()],
    ['query("commit")', (tx) => tx.query('commit')],
  ])('is refused %s, and stays in the transaction [E82]', async (_, end) => {
    await expectOneTransaction(host, async (tx) => {
      await expect(end(tx)).rejects.toMatchObject({ code: 'sql-transaction-control' })
    })
  })

  it('that releases the connection leaves no transaction to others, and keeps its own [E83]', async () => {
    const orm = await openOrm(host)
    const failing = orm.inbox.admit('released', async ({ tx }) => {
      await orm.create(tx, 'released inside')
      await tx.queryRunner?.release()
      throw new Error('declined')
    })
    await expect(failing).rejects.toThrow('declined')
    // On each connection of the pool.
    await Promise.all([orm.createOutside('outside 1'), orm.createOutside('outside 2')])
    expect([await orm.countOrders('released'), await orm.countOrders('outside')]).toEqual([0, 2])
    const applying = orm.inbox.admit('released', async ({ tx }) => {
      await tx.queryRunner?.release()
      await orm.create(tx, 'released inside')
    })
    expect(await applying).toBe('applied')
    expect(await orm.countOrders('released')).toBe(1)
    await orm.close()
  })
})

/** With a replica that lags for ever: it has no tables. */
describe.each([
  hostOf('mysql', 'mysql', (url, poolSize) => ({
    type: 'mysql',
    poolSize,
    replication: { master: { url }, slaves: [{ url: url.replace('/test', '/mysql') }] },
  })),
  hostOf('postgres', 'postgres', (url, poolSize) => ({
    type: 'postgres',
    poolSize,
    replication: {
      defaultMode: 'slave',
      master: { url },
      slaves: [{ url: url.replace(/\/\w+$/, '/template1') }],
    },
  })),
])('typeormInbox with replication, on $name', (host) => {
  it('uses the master only', async () => {
    const orm = await openOrm(host)
    await orm.inbox.ready()
    expect(await orm.inbox.admit('1', async ({ tx }) => void (await orm.create(tx, '1')))).toBe(
      'applied',
    )
    expect(await orm.inbox.admit('1', async () => {})).toBe('duplicate')
    expect(await orm.inbox.cleanUp()).toBe(0)
    await orm.close()
  })
})

describe('typeormInbox', () => {
  it.each([
    ['no DataSource', {}, '`dataSource`'],
    [
      'another database',
      { options: { type: 'sqlite' }, query() {}, createQueryRunner() {} },
      'MySQL',
    ],
  ])('refuses %s', (_name, dataSource, expected) => {
    expect(() => typeormInbox({ dataSource: dataSource as never, consumer: 'orders' })).toThrow(
      expect.objectContaining({
        name: 'OptionError',
        message: expect.stringContaining(expected) as string,
      }),
    )
  })
})
