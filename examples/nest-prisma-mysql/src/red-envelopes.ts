import { createPingppClient, createReconciler, type Reconciler } from '@hongbao/client'
import type { Webhooks } from '@hongbao/core'
import { WEBHOOKS } from '@hongbao/nest'
import {
  Inject,
  Injectable,
  type BeforeApplicationShutdown,
  type OnApplicationBootstrap,
} from '@nestjs/common'
import type { Order } from './generated/client.js'
import { advanceOrder } from './orders.js'
import { PrismaService } from './prisma.service.js'

const app = process.env.PINGPP_APP ?? ''

@Injectable()
export class RedEnvelopes implements OnApplicationBootstrap, BeforeApplicationShutdown {
  private readonly pingpp = createPingppClient({
    app,
    apiKey: process.env.PINGPP_API_KEY,
    privateKey: process.env.PINGPP_PRIVATE_KEY, // your own
    publicKey: process.env.PINGPP_PUBLIC_KEY, // Ping++'s
    baseUrl: process.env.PINGPP_BASE_URL, // the sandbox; unset in production
  })
  private readonly reconciler: Reconciler

  constructor(
    @Inject(WEBHOOKS) webhooks: Webhooks,
    @Inject(PrismaService) private readonly prisma: PrismaService,
  ) {
    const open = () => this.findOpen()
    this.reconciler = createReconciler({ pingpp: this.pingpp, webhooks, app, open })
  }

  onApplicationBootstrap() {
    this.reconciler.start() // in one process only
  }

  async beforeApplicationShutdown() {
    await this.reconciler.close()
  }

  /** Sends the envelope of an order that is saved. A second call has the same number, so it sends no second one. */
  async send({ order_no, openid, amount }: Order) {
    const envelope = await this.pingpp.redEnvelopes.create({
      channel: 'wx_pub', // WeChat
      order_no,
      amount,
      currency: 'cny',
      recipient: openid,
      subject: '新年红包', // at most ten Chinese characters
      body: '恭喜发财',
      description: '感谢您的订单',
      extra: { send_name: '红包商店' },
    })
    await advanceOrder(this.prisma, envelope, envelope.status)
  }

  /** The orders for the reconciler: those whose envelope may still move. */
  private async findOpen() {
    const status = { notIn: ['received' as const, 'failed' as const, 'refund' as const] }
    const orders = await this.prisma.order.findMany({ where: { status } })
    return orders.map(({ envelope_id: id, ...order }) => ({ ...order, id }))
  }
}
