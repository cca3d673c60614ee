import type { HandlerContext, RedEnvelopeStatus, WebhookEvent } from '@hongbao/core'
import { OnWebhook } from '@hongbao/nest'
import { Injectable } from '@nestjs/common'
import type { Prisma } from './generated/client.js'
import { advanceOrder } from './orders.js'

type Status = Exclude<RedEnvelopeStatus, 'sending'>
type Context = HandlerContext<{ tx: Prisma.TransactionClient }>

@Injectable()
export class OrderHandlers {
  /** Commits with the record of the event, once. 与去重记录同一事务提交。 */
  @OnWebhook([
    'red_envelope.sent',
    'red_envelope.received',
    // Ping++ has no webhooks for these. The reconciler finds them. 这三种没有 webhook，由查询得到。
    'red_envelope.failed',
    'red_envelope.refunding',
    'red_envelope.refund',
  ])
  async advance({ type, data }: WebhookEvent<`red_envelope.${Status}`>, { tx }: Context) {
    await advanceOrder(tx, data.object, type.replace('red_envelope.', '') as Status)
  }
}
