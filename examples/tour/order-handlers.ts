// What a shop does about its notifications, the same in every framework: the four apps subscribe
// with the one function below. 同一组处理函数，四个框架共用。
import type { Webhooks } from '@hongbao/core'

/** Subscribes the shop to what it wants to hear. Yours would write to a database instead. */
export function handleOrders(webhooks: Webhooks, orders: OrderBook): void {
  webhooks.on('red_envelope.sent', ({ data: { object: envelope } }) => {
    orders.advance(envelope.order_no, 'sent', envelope.amount)
  })

  webhooks.on('red_envelope.received', ({ data: { object: envelope } }) => {
    orders.advance(envelope.order_no, 'received', envelope.amount)
  })

  webhooks.on('charge.succeeded', ({ data: { object: charge } }) => {
    orders.advance(charge.order_no, 'paid', charge.amount)
  })
}

/** An order, as the JSON routes take and show it. */
export interface Order {
  readonly orderNo: string
  /** Integer amount in fen. 单位:分。 */
  readonly amountFen: number
  readonly status: Status
}

/** Orders only move forward: a `sent` that comes after `received` is news of yesterday. */
export type Status = keyof typeof RANK
const RANK = { placed: 0, paid: 1, sent: 1, received: 2 } as const

/** The shop's orders, in memory. */
export interface OrderBook {
  /** Saves an order that came as JSON; undefined if it is invalid. */
  place(input: unknown): Order | undefined
  find(orderNo: string): Order | undefined
  /** @throws if the order is not saved yet: the notification was faster, and Ping++ sends it again */
  advance(orderNo: string, status: Status, amountFen: number): void
  /** What the handlers saw, one line each. */
  readonly journal: readonly string[]
}

export function createOrderBook(): OrderBook {
  const orders = new Map<string, Order>()
  const journal: string[] = []

  function place(input: unknown): Order | undefined {
    if (!isNewOrder(input)) return undefined
    const { orderNo, amountFen } = input
    const order = orders.get(orderNo) ?? { orderNo, amountFen, status: 'placed' }
    orders.set(orderNo, order)
    return order
  }

  function advance(orderNo: string, status: Status, amountFen: number): void {
    const order = orders.get(orderNo)
    if (order === undefined) {
      journal.push(`${orderNo} ${status}: not saved yet`)
      throw new Error(`Order ${orderNo} is not saved yet.`)
    }
    journal.push(`${orderNo} ${status}, ${(amountFen / 100).toFixed(2)} yuan`)
    if (RANK[status] > RANK[order.status]) orders.set(orderNo, { ...order, status })
  }

  return { place, find: (orderNo) => orders.get(orderNo), advance, journal }
}

function isNewOrder(input: unknown): input is Pick<Order, 'orderNo' | 'amountFen'> {
  if (typeof input !== 'object' || input === null) return false
  const { orderNo, amountFen } = input as Partial<Record<keyof Order, unknown>>
  return typeof orderNo === 'string' && Number.isSafeInteger(amountFen) && Number(amountFen) > 0
}
