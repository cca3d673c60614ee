// `switch` narrows the event of '*'.
import { isCatalogued, type WebhookEvent, type WebhookHandler } from '@hongbao/core'

export const onEvery: WebhookHandler = (event) => {
  switch (event.type) {
    case 'red_envelope.sent': {
      const recipient: string = event.data.object.recipient
      return recipient
    }
    case 'charge.succeeded':
    case 'charge.failed': {
      const charge: WebhookEvent<'charge.succeeded' | 'charge.failed'> = event
      return charge.data.object.amount
    }
    default:
      return isCatalogued(event) ? event.created : event.data.object['id']
  }
}
