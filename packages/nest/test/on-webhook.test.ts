import { OptionError } from '@hongbao/core'
import { describe, expect, it } from 'vitest'
import { OnWebhook, WEBHOOKS } from '../src/index.ts'
import { marksOf } from '../src/on-webhook.ts'

// Decorators are called as functions here: the apps of test/integrations/nest-11 have the real ones.
describe('@OnWebhook', () => {
  it('marks a method with its types, and with those of further decorators', () => {
    class Handlers {
      apply(): void {}
    }
    mark(Handlers.prototype, 'apply', 'red_envelope.sent')
    mark(Handlers.prototype, 'apply', ['charge.succeeded', 'charge.failed'])
    expect([...marksOf(Handlers.prototype)]).toEqual([
      ['apply', ['red_envelope.sent', 'charge.succeeded', 'charge.failed']],
    ])
  })

  it('marks the methods of one class only, and of its subclasses', () => {
    class Base {
      apply(): void {}
    }
    class Left extends Base {
      more(): void {}
    }
    class Right extends Base {}
    mark(Base.prototype, 'apply', 'red_envelope.sent')
    mark(Left.prototype, 'more', 'charge.failed')
    mark(Right.prototype, 'apply', 'red_envelope.received')
    expect([...marksOf(Base.prototype)]).toEqual([['apply', ['red_envelope.sent']]])
    expect([...marksOf(Left.prototype)]).toEqual([
      ['apply', ['red_envelope.sent']],
      ['more', ['charge.failed']],
    ])
    expect([...marksOf(Right.prototype)]).toEqual([['apply', ['red_envelope.received']]])
  })

  it('throws an OptionError on a static method, an accessor and a property', () => {
    class Handlers {
      apply(): void {}
    }
    const decorate = OnWebhook('red_envelope.sent')
    expect(() => decorate(Handlers, 'create', { value: () => {} })).toThrow(OptionError)
    expect(() => decorate(Handlers.prototype, 'count', { get: () => 1 } as object)).toThrow(
      '@OnWebhook expects a method of an instance, but `count` is static or no method.',
    )
    expect(() => decorate(Handlers.prototype, 'field', undefined as never)).toThrow(OptionError)
  })

  it('marks for every copy of the package, whose tokens are the same too', async () => {
    const [path, modulePath] = ['../src/on-webhook.ts?copy', '../src/module.ts?copy']
    const copy = (await import(path)) as typeof import('../src/on-webhook.ts')
    class Handlers {
      apply(): void {}
    }
    expect(copy.OnWebhook).not.toBe(OnWebhook)
    copy.OnWebhook('red_envelope.sent')(Handlers.prototype, 'apply', { value: () => {} })
    expect([...marksOf(Handlers.prototype).keys()]).toEqual(['apply'])
    const { WEBHOOKS: token } = (await import(modulePath)) as typeof import('../src/module.ts')
    expect(token).toBe(WEBHOOKS)
  })
})

function mark(
  prototype: object,
  method: string,
  types: 'red_envelope.sent' | 'red_envelope.received' | 'charge.failed' | readonly EventTypes[],
): void {
  OnWebhook<EventTypes>(types)(prototype, method, { value: () => {} })
}

type EventTypes =
  | 'red_envelope.sent'
  | 'red_envelope.received'
  | 'charge.succeeded'
  | 'charge.failed'
