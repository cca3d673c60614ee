// Imports the recipe that its argument names, and fails one delivery. A program of its own, because pino
// writes to the real standard output.
import { createTestKeys, eventFixture, signDelivery } from '@hongbao/core/testing'
import type { Webhooks } from '@hongbao/core'

/** The line that pino writes. */
export interface PinoLine {
  readonly level: number
  readonly msg: string
  readonly [field: string]: unknown
}

const keys = createTestKeys()
process.env['PINGPP_PUBLIC_KEY'] = keys.publicKey
const recipe: { readonly webhooks: Webhooks } = await import(process.argv[2] ?? '')
recipe.webhooks.on('red_envelope.sent', () => {
  throw new RangeError('declined')
})
await recipe.webhooks.handle(signDelivery(eventFixture('red_envelope.sent'), keys).delivery())
