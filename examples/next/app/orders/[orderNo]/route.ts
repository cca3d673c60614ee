import { findOrder } from '@/lib/orders'

export async function GET(
  _request: Request,
  { params }: { params: Promise<{ orderNo: string }> },
): Promise<Response> {
  const order = findOrder((await params).orderNo)
  return order ? Response.json(order) : Response.json({ error: 'no such order' }, { status: 404 })
}
