import { PingppError } from '@hongbao/client'
import type { Webhooks } from '@hongbao/core'
import { WEBHOOKS } from '@hongbao/nest'
import {
  BadGatewayException,
  BadRequestException,
  Body,
  Controller,
  Get,
  Inject,
  NotFoundException,
  Param,
  Post,
} from '@nestjs/common'
import { PrismaService } from './prisma.service.js'
import { RedEnvelopes } from './red-envelopes.js'

@Controller()
export class OrdersController {
  constructor(
    @Inject(PrismaService) private readonly prisma: PrismaService,
    @Inject(RedEnvelopes) private readonly envelopes: RedEnvelopes,
    @Inject(WEBHOOKS) private readonly webhooks: Webhooks,
  ) {}

  /** It sends money: put it behind your login. 会发钱，须放在登录校验之后。 */
  @Post('orders')
  async create(@Body() { orderNo: order_no, openid }: { orderNo: string; openid: string }) {
    if (!/^\d{1,28}$/.test(order_no) || typeof openid !== 'string') {
      throw new BadRequestException('expected orderNo, 1 to 28 digits, and openid')
    }
    // First: a webhook may be faster than the response. The number of an earlier order keeps that one.
    await this.prisma.order.createMany({
      data: { order_no, openid, amount: 888 },
      skipDuplicates: true,
    })
    const order = await this.find(order_no)
    try {
      if (order.envelope_id === null) await this.envelopes.send(order)
    } catch (error) {
      if (!(error instanceof PingppError)) throw error
      // The envelope may exist. Post the order again with the same number, never with a new one.
      // 红包可能已发出：只能用原订单号重试，不能换新号。
      throw new BadGatewayException({ error: error.code })
    }
    return this.find(order_no)
  }

  @Get('orders/:orderNo')
  async find(@Param('orderNo') order_no: string) {
    const order = await this.prisma.order.findUnique({ where: { order_no } })
    if (order === null) throw new NotFoundException()
    return order
  }

  @Get('health')
  async check() {
    await this.webhooks.ready() // MySQL takes events
    return { ok: true }
  }
}
