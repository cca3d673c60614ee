// The table of orders in D1. Each order gets a red envelope, whose status is that of the order.
import type { OpenRedEnvelope } from '@hongbao/client'
import { envelopeStatusesBefore, type RedEnvelope, type RedEnvelopeStatus } from '@hongbao/core'
import { env } from 'cloudflare:workers'

const { DB } = env as { DB: D1Database }

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

/** Returns the order as it is saved; the number of an earlier order returns that one. */
export async function saveOrder(
  orderNo: string,
  openid: string,
  amount: number,
): Promise<Order | null> {
  const insert = 'insert into orders (order_no, openid, amount) values (?, ?, ?)'
  await DB.prepare(`${insert} on conflict do nothing`).bind(orderNo, openid, amount).run()
  return findOrder(orderNo)
}

export function findOrder(orderNo: string): Promise<Order | null> {
  return DB.prepare('select * from orders where order_no = ?').bind(orderNo).first<Order>()
}

/** The orders for the reconciler: those whose envelope may still move. */
export async function openOrders(): Promise<OpenRedEnvelope[]> {
  const { results } = await DB.prepare(
    `select * from orders where status not in ('received', 'failed', 'refund')`,
  ).all<Order>()
  return results.map(({ envelope_id: id, ...order }) => ({ ...order, id }))
}

/** Moves an order forward, never back, and a second time nowhere. 状态只前进，不后退；重复执行无影响。 */
export async function advanceOrder(
  { order_no, id }: RedEnvelope,
  status: RedEnvelopeStatus,
): Promise<void> {
  const before = JSON.stringify(envelopeStatusesBefore(status))
  const { meta } = await DB.prepare(
    `update orders set envelope_id = ?2,
       status = case when status in (select value from json_each(?4)) then ?3 else status end
     where order_no = ?1`,
  )
    .bind(order_no, id, status, before)
    .run()
  if (meta.changes === 0) throw new Error(`There is no order ${order_no}.`)
}
