// Does not compile: each error is on the line below the comment that expects it.
import type { HandlerContext, WebhookEvent } from '@hongbao/core'
import { HongbaoModule, OnWebhook } from '@hongbao/nest'

interface PgContext {
  readonly tx: { query(text: string): Promise<unknown> }
}

export class Accepted {
  @OnWebhook('red_envelope.sent')
  nothing(): void {}

  @OnWebhook('red_envelope.sent')
  any(_event: WebhookEvent): void {}

  @OnWebhook(['charge.succeeded', 'charge.failed'])
  list(_event: WebhookEvent<'charge.succeeded' | 'charge.failed'>): void {}

  @OnWebhook('red_envelope.sent')
  async lent(_event: WebhookEvent<'red_envelope.sent'>, { tx }: HandlerContext<PgContext>) {
    await tx.query('select 1')
  }

  @OnWebhook('*')
  private some({ type }: WebhookEvent, { key }: { key: string }): string {
    return type + key + this.some.name
  }
}

export class Refused {
  // error: Argument of type '"red_envelope.snet"' is not assignable
  @OnWebhook('red_envelope.snet')
  misspelt(): void {}

  // error: Type '"red_envelope.sent"' is not assignable to type '"red_envelope.received"'
  @OnWebhook('red_envelope.sent')
  otherType(_event: WebhookEvent<'red_envelope.received'>): void {}

  // error: "charge.failed"
  @OnWebhook(['charge.succeeded', 'charge.failed'])
  oneOfTwo(_event: WebhookEvent<'charge.succeeded'>): void {}

  // error: is not assignable to type 'string'
  @OnWebhook('red_envelope.sent')
  otherContext(_event: WebhookEvent, _context: string): void {}

  // error: Target signature provides too few arguments
  @OnWebhook('red_envelope.sent')
  thirdParameter(_event: WebhookEvent, _context: HandlerContext, _request: unknown): void {}

  // error: Unable to resolve signature of property decorator
  @OnWebhook('red_envelope.sent')
  property = 1
}

// error: 'pth' does not exist in type
HongbaoModule.forRoot({ publicKey: 'key', pth: '/x' })
