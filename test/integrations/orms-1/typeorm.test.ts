import { typeormInbox } from '@hongbao/sql/typeorm'
import { DataSource, EntityManager, EntitySchema, type DataSourceOptions } from 'typeorm'
import { describeOrm, type OrmHost } from './suite.ts'

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

describeOrm(
  hostOf('typeormInbox on MariaDB', 'mysql', (url, connectionLimit) => ({
    type: 'mysql',
    url,
    poolSize: connectionLimit,
  })),
)
describeOrm(
  hostOf('typeormInbox on Postgres', 'postgres', (url, poolSize) => ({
    type: 'postgres',
    url,
    poolSize,
  })),
)
