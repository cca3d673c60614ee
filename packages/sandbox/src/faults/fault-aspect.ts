import type { ApiFaultKind, FaultKind, WebhookFaultKind } from './fault-kind.ts'

/** What a fault changes. Faults of different aspects can fire together; of one, a single one does. */
export type Aspect = WebhookAspect | ApiAspect

type WebhookAspect = 'time' | 'copies' | 'body' | 'signature' | 'pace' | 'ending'
type ApiAspect = 'api-pace' | 'api-ending'

/** Kind → what it changes of a notification on its way. */
const WEBHOOK_ASPECTS = {
  'answer-lost': 'ending',
  timeout: 'ending',
  'truncated-body': 'ending',
  'connection-reset': 'ending',
  duplicate: 'copies',
  reorder: 'time',
  delay: 'time',
  'tampered-body': 'body',
  'escaped-body': 'body',
  'tampered-signature': 'signature',
  'missing-signature': 'signature',
  'wrong-key': 'signature',
  'slow-body': 'pace',
} as const satisfies Record<WebhookFaultKind, WebhookAspect>

/** Kind → what it changes of a request to the API. */
const API_ASPECTS = {
  'api-latency': 'api-pace',
  'api-error': 'api-ending',
  'api-hang': 'api-ending',
  'api-reset': 'api-ending',
  'api-answer-lost': 'api-ending',
  'channel-failure': 'api-ending',
} as const satisfies Record<ApiFaultKind, ApiAspect>

/** Kind → aspect, of all faults there are. */
export const ASPECTS: Readonly<Record<FaultKind, Aspect>> = { ...WEBHOOK_ASPECTS, ...API_ASPECTS }

/** Tells whether a text names a fault. */
export function isFaultKind(kind: unknown): kind is FaultKind {
  return typeof kind === 'string' && Object.hasOwn(ASPECTS, kind)
}

/** Tells whether a fault is one of webhooks, rather than of the API. */
export function isWebhookFault(kind: FaultKind): boolean {
  return Object.hasOwn(WEBHOOK_ASPECTS, kind)
}
