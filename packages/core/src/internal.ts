// Outside semantic versioning: for hongbao's own packages only, which are released together. A minor
// release may change or remove any of these.
export { joinBytes } from './keys/bytes.ts'
export { parseEvent } from './events/parse-event.ts'
export { isRecord } from './options/record.ts'
export { CATALOGUE } from './events/catalogue.ts'
export { readEnvelopeStatus } from './events/state.ts'
export { MIN_RETENTION_SECONDS } from './inbox/inbox.ts'
export { brand, vouchAs, vouchFor } from './options/errors.ts'
export { ERRORS, WebhookError, withStack } from './reply/errors.ts'
export { inboxErrors } from './inbox/errors.ts'
export { callSafely, originOf, textOf } from './options/logger.ts'
export {
  checkOptions,
  guard,
  must,
  optional,
  readEach,
  readSettings,
  refuseUnknown,
  wrong,
} from './options/settings.ts'
export type { Completed, Readers } from './options/settings.ts'
export {
  abortSignal,
  asGiven,
  callback,
  clock,
  flag,
  milliseconds,
  oneOf,
  readApp,
  readConsumer,
  readLogger,
  unquote,
  whole,
} from './options/readers.ts'
export { retention } from './inbox/retention.ts'
export { nearestTo } from './options/nearest.ts'
export { readStrictJson, readWithExact } from './events/json.ts'
export { readPublicKeys } from './keys/public-key.ts'
export type { PublicKeyInput, VerificationKey } from './keys/public-key.ts'
export { isNumeral, spellPayload } from './events/payload.ts'
export { readPrivateKey } from './keys/private-key.ts'
export type { PrivateKeyInput, SigningKey } from './keys/private-key.ts'
export { findSigner, readSignature, SIGNATURE_HEADER, signBytes } from './keys/signature.ts'
export { signatureOf, verifierOf } from './receive/carried.ts'
export type { VerifyCarried } from './receive/carried.ts'
export { readWarn } from './options/warning.ts'
export type { Warn } from './options/warning.ts'
export { withTimeout } from './options/with-timeout.ts'
