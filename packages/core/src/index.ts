export { createWebhooks } from './webhooks.ts'
export type { Webhooks } from './webhooks.ts'
export type { DispatchOptions, DispatchResult } from './dispatch-result.ts'
export type { WebhooksOptions } from './options.ts'
export type { ContextOf, HandlerContext, WebhookHandler, WebhookHandlers } from './handlers.ts'
export { appIdOf, eventKey, isCatalogued, isEventType, unlisted } from './event.ts'
export {
  compareEnvelopeStatus,
  envelopeStatusesBefore,
  isFinalEnvelopeStatus,
  type EnvelopeNews,
} from './envelope-state.ts'
export type { UnlistedEvent, UnlistedType, WebhookEvent } from './event.ts'
export type { EventPayloads, EventType } from './events/catalogue.ts'
export type { Agreement, AgreementStatus } from './events/agreement.ts'
export type { BatchRefund, BatchRefundCharge, BatchRefundStatus } from './events/batch-refund.ts'
export type { BatchTransfer, BatchTransferRecipient } from './events/batch-transfer.ts'
export type { Charge } from './events/charge.ts'
export type { Customs } from './events/customs.ts'
export type { ListObject } from './events/list.ts'
export type { OrderRefund } from './events/order-refund.ts'
export type { ChargeEssentials, Order, OrderStatus } from './events/order.ts'
export type { Recharge, RechargeRefund } from './events/recharge.ts'
export type { RedEnvelope, RedEnvelopeStatus } from './events/red-envelope.ts'
export type { Refund, RefundStatus } from './events/refund.ts'
export type {
  RoyaltySettlement,
  RoyaltySettlementStatus,
  RoyaltyTransaction,
} from './events/royalty-settlement.ts'
export type {
  AccountSummary,
  AppDailySummary,
  AppMonthlySummary,
  AppSummary,
  AppWeeklySummary,
  Summary,
} from './events/summary.ts'
export type { Transfer, TransferStatus } from './events/transfer.ts'
export type {
  BatchWithdrawal,
  BatchWithdrawalStatus,
  Withdrawal,
  WithdrawalStatus,
} from './events/withdrawal.ts'
export { memoryInbox } from './memory-inbox.ts'
export type { MemoryInboxOptions, MemoryInboxWarningCode } from './memory-inbox.ts'
export type { Admission, Inbox, NoContext, WorkOptions } from './inbox.ts'
// `Delivery` is for adapters; without it here, the built types would import those of `node:http`.
export type { Delivery, Receiver } from './delivery.ts'
export type { CloseReport, RunningEvent } from './attempts.ts'
export type { Reply } from './reply.ts'
export { InboxError, OptionError, WebhookError } from './errors.ts'
export type { OptionErrorCode, WebhookErrorCode, WebhookOutcome } from './errors.ts'
export type { WebhookReport } from './report.ts'
export type { Logger } from './log.ts'
export type { KeyObjectLike, PublicKeyInput } from './key-input.ts'
export type { PublicKeyFunction, PublicKeys } from './keys.ts'
export type { OnWarning, WarningAbout } from './warning.ts'
