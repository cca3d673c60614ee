import { fetchWebhooks } from '@hongbao/core/fetch'
import { webhooks } from '@/lib/red-envelopes'

export const POST = fetchWebhooks(webhooks)
