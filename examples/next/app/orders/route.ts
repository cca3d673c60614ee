import { PingppError } from '@hongbao/client'
import { findOrder, saveOrder } from '@/lib/orders'
import { sendEnvelope } from '@/lib/red-envelopes'

/** It sends money: put it behind your login. 会发钱，须放在登录校验之后。 */
export async function POST(request: Request): Promise<Response> {
  const { orderNo, openid } = await request.json()
  if (!/^\d{1,28}$/.test(orderNo) || typeof openid !== 'string') {
    const error = 'expected orderNo, 1 to 28 digits, and openid'
    return Response.json({ error }, { status: 400 })
  }
  const order = saveOrder(orderNo, openid, 888) // first: a webhook may be faster than the response
  try {
    if (order?.envelope_id === null) await sendEnvelope(order)
    return Response.json(findOrder(orderNo), { status: 201 })
  } catch (error) {
    if (!(error instanceof PingppError)) throw error
    // The envelope may exist. Post the order again with the same number, never with a new one.
    // 红包可能已发出：只能用原订单号重试，不能换新号。
    return Response.json({ error: error.code }, { status: 502 })
  }
}
