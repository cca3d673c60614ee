// What the compiler must know of the documented module.
import type { HandlerContext } from '@hongbao/core'
import { expectTypeOf } from 'vitest'
import type { Prisma } from './generated/client.ts'
import { webhooks } from './prisma-webhooks.ts'

webhooks.on('red_envelope.sent', (_event, context) => {
  expectTypeOf(context).toEqualTypeOf<HandlerContext<{ readonly tx: Prisma.TransactionClient }>>()
  // @ts-expect-error -- no such model
  void context.tx.orders
})
