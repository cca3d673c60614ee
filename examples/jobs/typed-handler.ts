// A typed handler in a file of its own.
import type { WebhookHandler } from '@hongbao/core'

export const paid: Map<string, number> = new Map() // in place of your database

export const markPaid: WebhookHandler<'charge.succeeded'> = ({ data: { object: charge } }) => {
  paid.set(charge.order_no, charge.amount)
}
