import {
  memoryInbox,
  unlisted,
  type HandlerContext,
  type Inbox,
  type UnlistedEvent,
  type WebhookEvent,
} from '@hongbao/core'
import type { DynamicModule } from '@nestjs/common'
import { describe, expectTypeOf, it } from 'vitest'
import { HongbaoModule, OnWebhook, type OnWebhookDecorator } from '../src/index.ts'

interface Lent {
  readonly tx: { query(text: string): Promise<unknown> }
}
declare const target: object

describe('@OnWebhook', () => {
  it('takes a method whose parameters fit', () => {
    const onSent = OnWebhook('red_envelope.sent')
    expectTypeOf(onSent).toEqualTypeOf<OnWebhookDecorator<'red_envelope.sent'>>()
    onSent(target, 'm', { value: () => {} })
    onSent(target, 'm', { value: (_event: WebhookEvent) => {} })
    onSent(target, 'm', { value: (_event: WebhookEvent<'red_envelope.sent'>) => {} })
    onSent(target, 'm', {
      value: async (_event: WebhookEvent, _context: HandlerContext<Lent>) => {},
    })
    onSent(target, 'm', { value: (_event: WebhookEvent, _context: { tx: Lent['tx'] }) => {} })
    OnWebhook(unlisted('example.created'))(target, 'm', { value: (_event: UnlistedEvent) => {} })
  })

  it('takes a list that is a constant, with the union of its types for the method', () => {
    const types = ['charge.succeeded', 'charge.failed'] as const
    const onCharge = OnWebhook(types)
    expectTypeOf(onCharge).toEqualTypeOf<OnWebhookDecorator<'charge.succeeded' | 'charge.failed'>>()
    // @ts-expect-error -- another event
    onCharge(target, 'm', { value: (_event: WebhookEvent<'red_envelope.sent'>) => {} })
    const either: 'charge.succeeded' | readonly 'charge.failed'[] = types[0]
    OnWebhook(either)
  })

  it('refuses parameters of another event, of no context, and one too many', () => {
    const onSent = OnWebhook('red_envelope.sent')
    // @ts-expect-error -- another event
    onSent(target, 'm', { value: (_event: WebhookEvent<'red_envelope.received'>) => {} })
    // @ts-expect-error -- no context
    onSent(target, 'm', { value: (_event: WebhookEvent, _context: string) => {} })
    // @ts-expect-error -- a third parameter
    onSent(target, 'm', { value: (_event: WebhookEvent, _context: object, _more: object) => {} })
  })

  it('refuses a misspelt type, alone and in a list', () => {
    // @ts-expect-error -- misspelt
    OnWebhook('red_envelope.snet')
    // @ts-expect-error -- misspelt
    OnWebhook(['red_envelope.sent', 'charge.suceeded'])
  })
})

describe('HongbaoModule', () => {
  it('takes an inbox that lends something, and handlers that use it', () => {
    const inbox = memoryInbox() as Inbox<object> as Inbox<Lent>
    const dynamic = HongbaoModule.forRoot({
      publicKey: 'key',
      inbox,
      on: { 'red_envelope.sent': (_event, { tx }) => tx.query('select 1') },
    })
    expectTypeOf(dynamic).toEqualTypeOf<DynamicModule>()
    HongbaoModule.forRootAsync({ useFactory: async () => ({ publicKey: 'key', inbox }) })
  })

  it('refuses what an inbox would lend if there is none', () => {
    // @ts-expect-error -- no inbox
    HongbaoModule.forRoot<Lent>({ publicKey: 'key' })
  })

  it('refuses an unknown option', () => {
    // @ts-expect-error -- unknown
    HongbaoModule.forRoot({ publicKey: 'key', pth: '/x' })
  })
})
