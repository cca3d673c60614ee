// What the compiler must know of the documented module.
import type { EntityManager } from 'typeorm'
import { expectTypeOf } from 'vitest'
import { webhooks } from './typeorm-webhooks.ts'

webhooks.on('red_envelope.sent', (_event, { tx }) => {
  expectTypeOf(tx).toEqualTypeOf<EntityManager>()
})
