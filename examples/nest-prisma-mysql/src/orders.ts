import { envelopeStatusesBefore, type RedEnvelope, type RedEnvelopeStatus } from '@hongbao/core'
import type { Prisma } from './generated/client.js'

/** Moves an order forward, never back: a late `sent` changes nothing after `received`. 状态只前进，不后退。 */
export async function advanceOrder(
  { order }: Pick<Prisma.TransactionClient, 'order'>,
  { order_no, id }: RedEnvelope,
  status: RedEnvelopeStatus,
) {
  // Rejects if there is no such order: Ping++ sends the webhook again.
  await order.update({ where: { order_no }, data: { envelope_id: id } })
  const before = { in: [...envelopeStatusesBefore(status)] }
  await order.updateMany({ where: { order_no, status: before }, data: { status } })
}
