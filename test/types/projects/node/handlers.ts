// A map of handlers, each of which gets the event of its key.
import type { WebhookHandlers } from '@hongbao/core'

export const handlers = {
  'charge.succeeded': ({ data }) => data.object.amount.toFixed(),
  'red_envelope.received': async ({ data }, { signal }) => {
    signal.throwIfAborted()
    const status: 'received' = data.object.status
    await Promise.resolve(status)
  },
  '*': (event) => event.type,
} satisfies WebhookHandlers
