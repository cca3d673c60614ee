export { startSandbox } from './start.ts'
export type { Sandbox, SandboxVariable } from './sandbox.ts'
export type { SandboxOptions } from './options.ts'
export type {
  EventQuery as SandboxEventQuery,
  WaitOptions as SandboxWaitOptions,
} from './engine/wait.ts'
export type { TriggerOptions, SendWebhooks } from './engine/trigger.ts'
export type { Target as SandboxTarget } from './delivery/target.ts'
export type {
  Attempt as SandboxAttempt,
  AttemptErrorCode as SandboxAttemptErrorCode,
  AttemptRequest as SandboxAttemptRequest,
  AttemptResponse as SandboxAttemptResponse,
  AttemptTimings as SandboxAttemptTimings,
  SandboxEvent,
} from './events/sandbox-event.ts'
export type { Clock as SandboxClock, Timer as SandboxTimer } from './clock/clock.ts'
export type { Duration } from './clock/duration.ts'
export type {
  ApiFaultKind,
  ApiOperation,
  FaultKind,
  FaultMatch,
  FaultRule,
  WebhookFaultKind,
} from './faults/fault-kind.ts'
export type { ActiveFault, Faults as SandboxFaults } from './faults/faults.ts'
export type { ResendOptions } from './events/notifications.ts'
export type { JournalRecord as SandboxRecord } from './events/journal.ts'
export type { SignatureMode as RequestSignatures } from './http/api/request-signature.ts'
export { CLAIM_PERIOD_MS, RETRY_GAPS_MS } from './clock/schedule.ts'
export { SandboxError } from './errors.ts'
export type { SandboxErrorCode } from './errors.ts'
export { checkWebhook } from './doctor/check-webhook.ts'
export type { CheckWebhookOptions, WebhookCheck, WebhookCheckName } from './doctor/check-webhook.ts'
