import type { WebhookEvent } from './event.ts'
import type { EventType } from './events/catalogue.ts'
import { AGREEMENTS } from './fixtures/agreement.ts'
import { CHARGES } from './fixtures/charge.ts'
import { CUSTOMS } from './fixtures/customs.ts'
import { ORDERS } from './fixtures/order.ts'
import { RECHARGES } from './fixtures/recharge.ts'
import { RED_ENVELOPES } from './fixtures/red-envelope.ts'
import { REFUNDS } from './fixtures/refund.ts'
import { ROYALTY_SETTLEMENTS } from './fixtures/royalty-settlement.ts'
import { SUMMARIES } from './fixtures/summary.ts'
import { TRANSFERS } from './fixtures/transfer.ts'
import { WITHDRAWALS } from './fixtures/withdrawal.ts'

/**
 * One realistic event for every catalogued type, modelled on Ping++'s samples: all of one app, in
 * live mode, at fixed times between 2016 and 2024.
 */
export const FIXTURES: { readonly [Type in EventType]: WebhookEvent<Type> } = {
  ...RED_ENVELOPES,
  ...CHARGES,
  ...REFUNDS,
  ...TRANSFERS,
  ...ORDERS,
  ...RECHARGES,
  ...WITHDRAWALS,
  ...ROYALTY_SETTLEMENTS,
  ...CUSTOMS,
  ...AGREEMENTS,
  ...SUMMARIES,
}
