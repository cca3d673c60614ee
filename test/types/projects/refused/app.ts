// What must not compile. The line above each mistake has a piece of the message that the user sees.
import { createPingppClient, type PingppClient } from '@hongbao/client'
import {
  createWebhooks,
  type WebhookEvent,
  type WebhookHandler,
  type WebhookHandlers,
} from '@hongbao/core'

const publicKey = ''
const webhooks = createWebhooks({ publicKey })
interface Lent {
  readonly tx: { query(sql: string): Promise<void> }
}
const onLent: WebhookHandler<'red_envelope.sent', Lent> = (_, { tx }) => tx.query('')

// error: Argument of type '"red_envelope.snet"' is not assignable to parameter of type '"red_envelope.
webhooks.on('red_envelope.snet', () => {})
// error: Type '"red_envelope.snet"' is not assignable to type
webhooks.on(['charge.failed', 'red_envelope.snet'], () => {})
// error: ''red_envelope.snet'' does not exist in type 'WebhookHandlers<NoContext>'.
webhooks.on({ 'red_envelope.snet': () => {} })
// error: ''red_envelope.snet'' does not exist in type 'WebhookHandlers<
createWebhooks({ publicKey, on: { 'red_envelope.snet': () => {} } })
// error: Type '"red_envelope.snet"' does not satisfy the constraint 'HandledType'.
export const misspelt: WebhookHandler<'red_envelope.snet'> = () => {}
// error: ''red_envelope.snet'' does not exist in type 'WebhookHandlers<NoContext>'.
export const handlers = { 'red_envelope.snet': () => {} } satisfies WebhookHandlers

// error: is not assignable to parameter of type
webhooks.on('red_envelope.sent', (event: WebhookEvent<'charge.succeeded'>) => event.id)
// error: Property 'tx' is missing in type 'HandlerContext<NoContext>' but required in type 'Lent'.
webhooks.on('red_envelope.sent', onLent)
// error: Property 'tx' is missing in type
createWebhooks({ publicKey, on: { 'red_envelope.sent': onLent } })
// error: Property 'inbox' is missing in type
createWebhooks<Lent>({ publicKey })

webhooks.on('red_envelope.sent', (event, context) => {
  // error: Property 'tx' does not exist on type 'HandlerContext<NoContext>'.
  void context.tx
  // error: Cannot assign to 'amount' because it is a read-only property.
  event.data.object.amount = 1
  // error: This comparison appears to be unintentional
  if (event.data.object.status === 'sending') return
})
// error: Property 'once' does not exist on type 'Webhooks<NoContext>'.
webhooks.once('red_envelope.sent', () => {})
// error: Property 'listenerCount' does not exist on type 'Webhooks<NoContext>'.
webhooks.listenerCount('red_envelope.sent')
// error: Type 'undefined' is not assignable to type
webhooks.on({ 'red_envelope.sent': undefined })

declare const pingpp: PingppClient
// error: is not assignable to parameter of type 'PingppClientOptions' with 'exactOptionalPropertyTypes: true'.
createPingppClient({ apiKey: '', app: process.env['PINGPP_APP'] })
// error: Type 'string' is not assignable to type '{ readonly id: string; }'.
void pingpp.redEnvelopes.list({ app: 'app_1' })
