import type { HongbaoModuleOptions } from '@hongbao/nest'
import { Injectable, Module } from '@nestjs/common'

/** As `ConfigService` of `@nestjs/config`, and an options class in one. */
@Injectable()
export class Config {
  get(name: string): string | undefined {
    return process.env[name]
  }

  async createHongbaoOptions(): Promise<HongbaoModuleOptions> {
    return { publicKey: this.get('PINGPP_PUBLIC_KEY'), path: '/from-a-class' }
  }
}

@Module({ providers: [Config], exports: [Config] })
export class ConfigModule {}
