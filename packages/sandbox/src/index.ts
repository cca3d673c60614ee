export { startSandbox } from './start.ts'
export type { Sandbox } from './sandbox.ts'
export type { SandboxOptions } from './options.ts'
export type { EventQuery, WaitOptions } from './wait.ts'
export type { TriggerOptions, WebhookMode } from './engine.ts'
export type { Target } from './delivery/target.ts'
export type { Attempt, AttemptErrorCode, AttemptResponse, SandboxEvent } from './sandbox-event.ts'
export type { Clock, Timer } from './clock/clock.ts'
export type {
  ApiFaultKind,
  ApiOperation,
  FaultKind,
  FaultMatch,
  FaultRule,
  WebhookFaultKind,
} from './faults/fault-kind.ts'
export type { ActiveFault, Faults } from './faults/faults.ts'
export type { AttemptKind, JournalBody, JournalHead, JournalRecord } from './journal.ts'
export type { SignatureMode } from './api/request-signature.ts'
export { CLAIM_PERIOD_MS, RETRY_GAPS_MS } from './delivery/schedule.ts'
export { SandboxError } from './errors.ts'
export type { SandboxErrorCode } from './errors.ts'
