import type { HandlerContext, WebhookEvent } from '@hongbao/core'
import { OnWebhook, WEBHOOKS } from '@hongbao/nest'
import type { Webhooks } from '@hongbao/core'
import {
  Body,
  Controller,
  Get,
  Inject,
  Injectable,
  Module,
  Post,
  ServiceUnavailableException,
} from '@nestjs/common'
import { Orders } from './orders.js'

@Injectable()
export class OrderHandlers {
  constructor(private readonly orders: Orders) {}

  @OnWebhook('red_envelope.sent')
  async markSent(event: WebhookEvent<'red_envelope.sent'>, { key }: HandlerContext): Promise<void> {
    if (!key.includes('red_envelope.sent')) throw new Error('No key.')
    this.orders.record('sent', event.data.object.order_no)
  }

  @OnWebhook('red_envelope.received')
  protected markReceived({ data }: WebhookEvent<'red_envelope.received'>): void {
    this.orders.record('received', data.object.order_no)
  }
}

/** One of them twice, by mistake. */
const AUDITED = ['red_envelope.sent', 'red_envelope.received', 'red_envelope.sent'] as const

/** Handlers of a base class, one of them overridden, one method with two decorators. */
abstract class Audit {
  constructor(protected readonly orders: Orders) {}

  @OnWebhook(AUDITED)
  audit(event: WebhookEvent<'red_envelope.sent' | 'red_envelope.received'>): void {
    this.orders.record('audit of a base class', event.data.object.order_no)
  }
}

@Injectable()
export class OrderAudit extends Audit {
  // Without it, TypeScript writes no types of parameters for the subclass.
  constructor(orders: Orders) {
    super(orders)
  }

  override audit(event: WebhookEvent<'red_envelope.sent' | 'red_envelope.received'>): void {
    this.orders.record('audit', event.data.object.order_no)
  }

  @OnWebhook('charge.succeeded')
  @OnWebhook('charge.failed')
  @replaced
  charge(event: WebhookEvent<'charge.succeeded' | 'charge.failed'>): void {
    this.orders.record(event.type, event.data.object.order_no)
  }
}

/** As decorators for transactions and traces do: another function takes the place of the method. */
function replaced(_target: object, _name: string, descriptor: PropertyDescriptor): void {
  const original: (...given: unknown[]) => unknown = descriptor.value
  descriptor.value = function replacement(this: unknown, ...given: unknown[]) {
    return original.apply(this, given)
  }
}

@Controller()
export class OrderController {
  constructor(
    private readonly orders: Orders,
    @Inject(WEBHOOKS) private readonly webhooks: Webhooks,
  ) {}

  @Post('echo')
  echo(@Body() body: unknown): unknown {
    return body
  }

  @Get('health')
  async check(): Promise<string> {
    await this.webhooks.ready().catch((error: unknown) => {
      throw new ServiceUnavailableException({ cause: error })
    })
    return 'up'
  }

  @OnWebhook('*')
  count(event: WebhookEvent): void {
    this.orders.applied.push(`any ${event.type}`)
  }
}

@Module({
  controllers: [OrderController],
  providers: [
    Orders,
    OrderHandlers,
    { provide: 'audit', useFactory: (orders: Orders) => new OrderAudit(orders), inject: [Orders] },
    { provide: 'alias', useExisting: OrderHandlers },
  ],
  exports: [Orders],
})
export class OrdersModule {}
