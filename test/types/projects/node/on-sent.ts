// A handler in a file of its own, with the transaction of its inbox.
import type { WebhookHandler } from '@hongbao/core'
import type { PgContext } from '@hongbao/postgres'
import type { PoolClient } from 'pg'

export const onSent: WebhookHandler<'red_envelope.sent', PgContext<PoolClient>> = async (
  event,
  { tx, key, source },
) => {
  const amount: number = event.data.object.amount
  const from: 'webhook' | 'poll' | 'dispatch' = source
  await tx.query('insert into payments (key, amount, source) values ($1, $2, $3)', [
    key,
    amount,
    from,
  ])
}
