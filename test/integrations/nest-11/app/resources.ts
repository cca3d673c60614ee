import type { WebhookEvent } from '@hongbao/core'
import { OnWebhook } from '@hongbao/nest'
import {
  Global,
  Injectable,
  Module,
  type OnApplicationShutdown,
  type OnModuleDestroy,
} from '@nestjs/common'

/** A connection that a handler needs until its end. */
class Connection {
  isOpen = true

  query(): void {
    if (!this.isOpen) throw new Error('The connection is closed.')
  }
}

@Injectable()
export class GlobalConnection extends Connection implements OnModuleDestroy {
  onModuleDestroy(): void {
    this.isOpen = false
  }
}

@Injectable()
export class FeatureConnection extends Connection implements OnModuleDestroy {
  onModuleDestroy(): void {
    this.isOpen = false
  }
}

@Injectable()
export class OrmConnection extends Connection implements OnApplicationShutdown {
  onApplicationShutdown(): void {
    this.isOpen = false
  }
}

class Gate {
  open!: () => void
  readonly opened = new Promise<void>((resolve) => {
    this.open = resolve
  })
}

@Injectable()
export class SlowHandlers {
  readonly start = new Gate()
  readonly end = new Gate()
  applied = 0

  constructor(
    private readonly global: GlobalConnection,
    private readonly feature: FeatureConnection,
    private readonly orm: OrmConnection,
  ) {}

  @OnWebhook('red_envelope.sent')
  async apply(_event: WebhookEvent<'red_envelope.sent'>): Promise<void> {
    this.start.open()
    await this.end.opened
    for (const connection of [this.global, this.feature, this.orm]) connection.query()
    this.applied += 1
  }
}

@Global()
@Module({
  providers: [GlobalConnection, OrmConnection],
  exports: [GlobalConnection, OrmConnection],
})
class ConnectionsModule {}

@Module({ providers: [FeatureConnection], exports: [FeatureConnection] })
class FeatureModule {}

@Module({ imports: [ConnectionsModule, FeatureModule], providers: [SlowHandlers] })
export class ResourcesModule {}
