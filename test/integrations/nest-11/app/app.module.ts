import { HongbaoModule } from '@hongbao/nest'
import { Module } from '@nestjs/common'
import { BarredModule } from './barred.js'
import { OrdersModule } from './handlers.js'

@Module({
  imports: [
    HongbaoModule.forRoot({ publicKey: process.env['PINGPP_PUBLIC_KEY'] }),
    OrdersModule,
    BarredModule,
  ],
})
export class AppModule {}

/** The root of an app whose imports a test decides on. */
export class RootModule {}
