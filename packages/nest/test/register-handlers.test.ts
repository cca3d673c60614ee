import { createWebhooks } from '@hongbao/core'
import { createTestKeys, eventFixture } from '@hongbao/core/testing'
import { expect, it } from 'vitest'
import { OnWebhook } from '../src/index.ts'
import { registerHandlers } from '../src/register-handlers.ts'

it('a method with @OnWebhook that is gone when an event arrives fails the event, which is not answered 200 [F39]', async () => {
  class Handlers {
    paid = 0
    pay(): void {
      this.paid += 1
    }
  }
  OnWebhook('red_envelope.sent')(Handlers.prototype, 'pay', { value: () => {} })
  const handlers = new Handlers()
  const webhooks = createWebhooks({ publicKey: createTestKeys().publicKey, logger: false })
  registerHandlers(webhooks, discoveryOf(handlers))
  expect(await webhooks.dispatch(eventFixture('red_envelope.sent'))).toEqual({ outcome: 'handled' })
  expect(handlers.paid).toBe(1)
  // As a container does that replaces what a class provides, or an incomplete double.
  Object.assign(handlers, { pay: undefined })
  const other = eventFixture('red_envelope.sent', { object: { id: 'red_other' } })
  expect(await webhooks.dispatch(other)).toMatchObject({
    outcome: 'failed',
    error: { code: 'handler-failed' },
  })
})

/** Nest's discovery of an app with one provider. The apps of test/integrations/nest-11 have the real one. */
function discoveryOf(instance: object): Parameters<typeof registerHandlers>[1] {
  const wrapper = {
    instance,
    metatype: instance.constructor,
    isAlias: false,
    isTransient: false,
    isDependencyTreeStatic: () => true,
  }
  return { getProviders: () => [wrapper], getControllers: () => [] } as never
}
