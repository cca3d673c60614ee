// What goes over the wire between Ping++ and a merchant, for packages that speak with Ping++ too:
// strict JSON, events, keys, signatures, and the limits of a red envelope; how hongbao's packages
// check their options and call their users' hooks; and what all queues of a hand-off have in common,
// so that each package holds what its queue alone needs.
export { joinBytes } from './bytes.ts'
export { parseEvent, refuseInvalid, inboxKey, appOf } from './event.ts'
export { CATALOGUE } from './events/catalogue.ts'
export { readEnvelopeStatus } from './envelope-status.ts'
export { Failure } from './failure.ts'
export { MIN_RETENTION_SECONDS } from './inbox.ts'
export { brand, vouchFor } from './errors.ts'
export { contain, originOf, textOf } from './log.ts'
export {
  checkKind,
  checkOptions,
  readApp,
  readConsumer,
  readLogger,
  readTimeout,
  refuseUndefined,
  refuseUnknown,
  unquote,
  wrong,
} from './option-checks.ts'
export { nearestTo } from './nearest.ts'
export { readStrictJson, readWithExact } from './json.ts'
export type { StrictJson } from './json.ts'
export { fingerprintOf, readPublicKeys } from './keys.ts'
export type { PublicKeyInput, VerificationKey } from './keys.ts'
export { isNumeral, spellPayload } from './payload.ts'
export { readPrivateKey } from './private-key.ts'
export type { PrivateKeyInput, SigningKey } from './private-key.ts'
export type { KeySource } from './pem.ts'
export { findParameterFlaw } from './red-envelope-parameters.ts'
export type { ParameterFlaw } from './red-envelope-parameters.ts'
export { findSigner, readSignature, SIGNATURE_HEADER, signBytes } from './signature.ts'
export { applyJob, createAlarm, failedEvent } from './event-job.ts'
export type {
  Alarm,
  AlarmOptions,
  FailedEvent,
  JobFate,
  JobRules,
  JobVerdict,
} from './event-job.ts'
export { HandOffError, handOffInbox, packEvent } from './hand-off.ts'
export type { HandedOffEvent, HandOffErrorCode } from './hand-off.ts'
export { readEventWorkerOptions, readHandOffOptions } from './hand-off-options.ts'
export type {
  EventWorkerOptions,
  EventWorkerSettings,
  HandOffOptions,
  HandOffSettings,
} from './hand-off-options.ts'
export { createRunningJobs } from './running-jobs.ts'
export type { RunningJobs } from './running-jobs.ts'
export { within } from './within.ts'
