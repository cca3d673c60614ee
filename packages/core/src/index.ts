export { createWebhooks } from './receive/webhooks.ts'
export type { Webhooks } from './receive/webhooks.ts'
export type { DispatchOptions, DispatchResult } from './receive/dispatch-result.ts'
export type { WebhooksOptions } from './receive/options.ts'
export type {
  HandlerRegistry,
  HandlerSource,
  ContextOf,
  HandlerContext,
  WebhookHandler,
  WebhookHandlers,
} from './receive/handlers.ts'
export { isCatalogued, isEventType, unlisted } from './events/event.ts'
export { appIdOf, eventKey } from './events/event-key.ts'
export {
  compareEnvelopeStatus,
  envelopeStatusesBefore,
  isFinalEnvelopeStatus,
  type EnvelopeNews,
} from './events/state.ts'
export type { UnlistedEvent, UnlistedType, WebhookEvent } from './events/event.ts'
export type { EventPayloads, EventType } from './events/catalogue.ts'
export type * from './events/payloads/agreement.ts'
export type * from './events/payloads/charge.ts'
export type * from './events/payloads/customs.ts'
export type * from './events/payloads/order.ts'
export type * from './events/payloads/recharge.ts'
export type * from './events/payloads/red-envelope.ts'
export type * from './events/payloads/refund.ts'
export type * from './events/payloads/royalty-settlement.ts'
export type * from './events/payloads/summary.ts'
export type * from './events/payloads/transfer.ts'
export type * from './events/payloads/withdrawal.ts'
export type { ListObject } from './events/payloads/payload.ts'
export { memoryInbox } from './inbox/memory-inbox.ts'
export type { MemoryInboxOptions, MemoryInboxWarningCode } from './inbox/memory-inbox.ts'
export type { Admission, Inbox, NoContext, InboxWorkOptions } from './inbox/inbox.ts'
// `Delivery` is for adapters; without it here, the built types would import those of `node:http`.
export type { Delivery, Receiver } from './receive/delivery.ts'
export type { CloseReport, RunningEvent } from './receive/shutdown.ts'
export type { Reply } from './reply/reply.ts'
export { InboxError } from './inbox/errors.ts'
export { OptionError } from './options/errors.ts'
export { WebhookError } from './reply/errors.ts'
export type { OptionErrorCode } from './options/errors.ts'
export type { WebhookErrorCode, WebhookOutcome } from './reply/errors.ts'
export type { WebhookReport } from './receive/report.ts'
export type { TracedDelivery } from './receive/channel.ts'
export type { LogFields, Logger } from './options/logger.ts'
export type { KeyObjectLike } from './keys/pem.ts'
export type { PublicKeyFunction, PublicKeyInput, PublicKeys } from './keys/public-key.ts'
export type { OnWarning, WarningAbout } from './options/warning.ts'
