// The table of orders, here in a file of SQLite. Each order gets a red envelope, whose status is that of the order.
import type { OpenRedEnvelope } from '@hongbao/client'
import { envelopeStatusesBefore, type RedEnvelope, type RedEnvelopeStatus } from '@hongbao/core'
import { DatabaseSync } from 'node:sqlite'

export interface Order {
  readonly order_no: string
  readonly openid: string
  /** In fen. 单位：分。 */
  readonly amount: number
  readonly status: RedEnvelopeStatus
  /** Null until Ping++ has confirmed the envelope. Ping++ 确认之前为 null。 */
  readonly envelope_id: string | null
  readonly created: number
}

let opened: DatabaseSync | undefined

/** Opened at the first use: `next build` loads this module too. */
function database(): DatabaseSync {
  if (opened) return opened
  opened = new DatabaseSync(process.env.DATABASE_PATH ?? 'shop.db', { timeout: 1000 })
  opened.exec(`create table if not exists orders (
    order_no text primary key,
    openid text not null,
    amount integer not null,
    status text not null default 'sending',
    envelope_id text,
    created integer not null default (unixepoch())
  )`)
  return opened
}

/** Returns the order as it is saved; the number of an earlier order returns that one. */
export function saveOrder(orderNo: string, openid: string, amount: number): Order | undefined {
  const insert = 'insert into orders (order_no, openid, amount) values (?, ?, ?)'
  database().prepare(`${insert} on conflict do nothing`).run(orderNo, openid, amount)
  return findOrder(orderNo)
}

export function findOrder(orderNo: string): Order | undefined {
  const row: unknown = database().prepare('select * from orders where order_no = ?').get(orderNo)
  return row as Order | undefined
}

/** The orders for the reconciler: those whose envelope may still move. */
export function openOrders(): OpenRedEnvelope[] {
  const open = `select * from orders where status not in ('received', 'failed', 'refund')`
  const rows: unknown[] = database().prepare(open).all()
  return (rows as Order[]).map(({ envelope_id: id, ...order }) => ({ ...order, id }))
}

/** Moves an order forward, never back, and a second time nowhere. 状态只前进，不后退；重复执行无影响。 */
export function advanceOrder({ order_no, id }: RedEnvelope, status: RedEnvelopeStatus): void {
  const { changes } = database()
    .prepare(
      `update orders set envelope_id = ?2,
         status = case when status in (select value from json_each(?4)) then ?3 else status end
       where order_no = ?1`,
    )
    .run(order_no, id, status, JSON.stringify(envelopeStatusesBefore(status)))
  if (changes === 0) throw new Error(`There is no order ${order_no}.`)
}
