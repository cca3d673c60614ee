// The reader's own model.
import { DataTypes, Sequelize } from 'sequelize'

export const sequelize = new Sequelize(process.env.DATABASE_URL ?? '', { logging: false })

export const Order = sequelize.define(
  'Order',
  {
    orderNo: { type: DataTypes.STRING, primaryKey: true, field: 'order_no' },
    status: DataTypes.STRING,
  },
  { tableName: 'orders', timestamps: false },
)
