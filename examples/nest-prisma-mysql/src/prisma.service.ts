import { Global, Injectable, Module, type OnApplicationShutdown } from '@nestjs/common'
import { PrismaMariaDb } from '@prisma/adapter-mariadb'
import { PrismaClient } from './generated/client.js'

@Injectable()
export class PrismaService extends PrismaClient implements OnApplicationShutdown {
  constructor() {
    super({ adapter: new PrismaMariaDb(process.env.DATABASE_URL ?? '') })
  }

  async onApplicationShutdown() {
    await this.$disconnect()
  }
}

@Global()
@Module({ providers: [PrismaService], exports: [PrismaService] })
export class PrismaModule {}
