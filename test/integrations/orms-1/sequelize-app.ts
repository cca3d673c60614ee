import { DataTypes, Sequelize, type Options, type Transaction } from 'sequelize'

/** An app with a model of the table `orders`. */
export interface SequelizeApp {
  readonly sequelize: Sequelize
  readonly create: (orderNo: string, transaction?: Transaction) => Promise<unknown>
}

export function openSequelize(url: string, options: Options): SequelizeApp {
  const sequelize = new Sequelize(url, { logging: false, ...options })
  const Order = sequelize.define(
    'Order',
    {
      orderNo: { type: DataTypes.STRING, primaryKey: true, field: 'order_no' },
      status: DataTypes.STRING,
    },
    { tableName: 'orders', timestamps: false },
  )
  return {
    sequelize,
    // Without a transaction it is the one of CLS, if the app has that.
    create: (orderNo, transaction) =>
      Order.create({ orderNo, status: 'sent' }, transaction && { transaction }),
  }
}
