// What the compiler must know of the documented module.
import type { Transaction } from 'sequelize'
import { expectTypeOf } from 'vitest'
import { webhooks } from './sequelize-webhooks.ts'

webhooks.on('red_envelope.sent', (_event, { tx }) => {
  expectTypeOf(tx).toEqualTypeOf<Transaction>()
})
