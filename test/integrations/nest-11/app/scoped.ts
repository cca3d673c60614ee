import { OnWebhook, WEBHOOKS } from '@hongbao/nest'
import type { Webhooks, WebhookEvent } from '@hongbao/core'
import { eventFixture } from '@hongbao/core/testing'
import { Inject, Injectable, Module, Scope, type OnModuleInit } from '@nestjs/common'
import { OrderHandlers } from './handlers.js'
import { Orders } from './orders.js'

@Injectable({ scope: Scope.REQUEST })
class Tenant {}

@Injectable()
class OfTenant {
  constructor(readonly tenant: Tenant) {}

  @OnWebhook('*')
  apply(): void {}
}

@Injectable({ scope: Scope.TRANSIENT })
class Transient {
  @OnWebhook('*')
  apply(): void {}
}

@Module({ providers: [Tenant, OfTenant] })
export class RequestScoped {}

@Module({ providers: [Transient] })
export class TransientScoped {}

/** Has the handlers of another module as a provider of its own. */
@Module({ providers: [Orders, OrderHandlers] })
export class SecondModule {}

/** Dispatches an event as soon as Nest lets it. */
@Injectable()
class Poll implements OnModuleInit {
  constructor(@Inject(WEBHOOKS) private readonly webhooks: Webhooks) {}

  outcome: string | undefined

  async onModuleInit(): Promise<void> {
    this.outcome = (await this.webhooks.dispatch(EVENT)).outcome
  }
}

const EVENT: WebhookEvent = eventFixture('red_envelope.sent')

@Module({ providers: [{ provide: 'poll', useClass: Poll }], exports: ['poll'] })
export class PollModule {}
