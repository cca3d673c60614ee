// The table of orders. Each order gets a red envelope, whose status is that of the order.
import type { OpenRedEnvelope } from '@hongbao/client'
import { envelopeStatusesBefore, type RedEnvelope, type RedEnvelopeStatus } from '@hongbao/core'
import { Pool, type PoolClient } from 'pg'

export const pool: Pool = new Pool({
  connectionString: process.env['DATABASE_URL'],
  connectionTimeoutMillis: 1000,
})

export interface Order {
  readonly order_no: string
  readonly openid: string
  /** In fen. 单位：分。 */
  readonly amount: number
  readonly status: RedEnvelopeStatus
  /** Null until Ping++ has confirmed the envelope. Ping++ 确认之前为 null。 */
  readonly envelope_id: string | null
  readonly created: Date
}

export async function createTable(): Promise<void> {
  await pool.query(`create table if not exists orders (
    order_no text primary key,
    openid text not null,
    amount integer not null,
    status text not null default 'sending',
    envelope_id text,
    created timestamptz not null default now()
  )`)
}

/** Returns the order as it is saved; the number of an earlier order returns that one. */
export async function saveOrder(
  orderNo: string,
  openid: string,
  amount: number,
): Promise<Order | undefined> {
  const insert = 'insert into orders (order_no, openid, amount) values ($1, $2, $3)'
  await pool.query(`${insert} on conflict do nothing`, [orderNo, openid, amount])
  return findOrder(orderNo)
}

export async function findOrder(orderNo: string): Promise<Order | undefined> {
  const { rows } = await pool.query<Order>('select * from orders where order_no = $1', [orderNo])
  return rows[0]
}

/** The orders for the reconciler: those whose envelope may still move. */
export async function openOrders(): Promise<OpenRedEnvelope[]> {
  const { rows } = await pool.query<Order>(
    `select * from orders where status not in ('received', 'failed', 'refund')`,
  )
  return rows.map(({ envelope_id: id, ...order }) => ({ ...order, id }))
}

/** Moves an order forward, never back: a late `sent` changes nothing after `received`. 状态只前进，不后退。 */
export async function advanceOrder(
  db: Pick<PoolClient, 'query'>,
  { order_no, id }: RedEnvelope,
  status: RedEnvelopeStatus,
): Promise<void> {
  const { rowCount } = await db.query(
    `update orders
     set envelope_id = $2, status = case when status = any($4) then $3 else status end
     where order_no = $1`,
    [order_no, id, status, envelopeStatusesBefore(status)],
  )
  if (rowCount === 0) throw new Error(`There is no order ${order_no}.`)
}
