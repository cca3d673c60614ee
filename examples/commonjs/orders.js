const { envelopeStatusesBefore, isFinalEnvelopeStatus } = require('@hongbao/core')

// In memory, in place of your database. 仅存内存，请换成你的数据库。
const orders = new Map()

/** Returns the order as it is saved; the number of an earlier order returns that one. */
function saveOrder(orderNo, openid, amount) {
  if (!orders.has(orderNo)) {
    const row = { order_no: orderNo, openid, amount, status: 'sending', envelope_id: null }
    orders.set(orderNo, { ...row, created: new Date() })
  }
  return orders.get(orderNo)
}

/** Moves an order forward, never back: a late `sent` changes nothing after `received`. 状态只前进，不后退。 */
function advanceOrder({ order_no, id }, status) {
  const order = orders.get(order_no)
  if (order === undefined) throw new Error(`There is no order ${order_no}.`)
  order.envelope_id = id
  if (envelopeStatusesBefore(status).includes(order.status)) order.status = status
}

/** The orders for the reconciler: those whose envelope may still move. */
function openOrders() {
  return [...orders.values()]
    .filter(({ status }) => !isFinalEnvelopeStatus(status))
    .map(({ envelope_id: id, ...order }) => ({ ...order, id }))
}

module.exports = {
  saveOrder,
  findOrder: (orderNo) => orders.get(orderNo),
  advanceOrder,
  openOrders,
}
