import { HongbaoModule } from '@hongbao/nest'
import { prismaInbox } from '@hongbao/sql/prisma'
import { Module } from '@nestjs/common'
import { OrderHandlers } from './order.handlers.js'
import { OrdersController } from './orders.controller.js'
import { PrismaModule, PrismaService } from './prisma.service.js'
import { RedEnvelopes } from './red-envelopes.js'

@Module({
  imports: [
    PrismaModule,
    HongbaoModule.forRootAsync({
      inject: [PrismaService],
      useFactory: (prisma: PrismaService) => ({
        publicKey: process.env.PINGPP_PUBLIC_KEY,
        app: process.env.PINGPP_APP,
        inbox: prismaInbox({ prisma, dialect: 'mysql', consumer: 'shop' }),
      }),
    }),
  ],
  controllers: [OrdersController],
  providers: [OrderHandlers, RedEnvelopes],
})
export class AppModule {}
