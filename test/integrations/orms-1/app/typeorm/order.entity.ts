// The reader's own entity.
import { EntitySchema } from 'typeorm'

interface OrderRow {
  orderNo: string
  status: string
}

export const Order = new EntitySchema<OrderRow>({
  name: 'Order',
  tableName: 'orders',
  columns: {
    orderNo: { name: 'order_no', type: 'varchar', primary: true },
    status: { type: 'varchar' },
  },
})
