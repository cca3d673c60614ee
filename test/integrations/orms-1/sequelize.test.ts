import { sequelizeInbox } from '@hongbao/sql/sequelize'
import { DataTypes, Sequelize, type Options, type Transaction } from 'sequelize'
import { describeOrm, type OrmHost } from './suite.ts'

function hostOf(name: string, dialect: 'mysql' | 'postgres'): OrmHost<Transaction> {
  return {
    name,
    dialect,
    connect(url, connections = 10) {
      const options: Options = { logging: false, pool: { max: connections } }
      const sequelize = new Sequelize(url, options)
      const Order = sequelize.define(
        'Order',
        {
          orderNo: { type: DataTypes.STRING, primaryKey: true, field: 'order_no' },
          status: DataTypes.STRING,
        },
        { tableName: 'orders', timestamps: false },
      )
      const create = (transaction: Transaction | null, orderNo: string): Promise<unknown> =>
        Order.create({ orderNo, status: 'sent' }, { transaction })
      return {
        open: (common) => sequelizeInbox({ ...common, sequelize }),
        run: async (tx, sql) => (await sequelize.query(sql, { transaction: tx }))[0],
        create,
        createOutside: (orderNo) => create(null, orderNo),
        createNested: (tx, orderNo) =>
          sequelize.transaction({ transaction: tx }, (nested) => create(nested, orderNo)),
        close: () => sequelize.close(),
      }
    },
  }
}

describeOrm(hostOf('sequelizeInbox on MariaDB', 'mysql'))
describeOrm(hostOf('sequelizeInbox on Postgres', 'postgres'))
