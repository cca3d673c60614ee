// Outside semantic versioning: for hongbao's own packages only, which are released together. A minor
// release may change or remove any of these.
export { joinBytes } from './keys/bytes.ts'
export { parseEvent, refuseInvalid } from './events/event.ts'
export { CATALOGUE } from './events/catalogue.ts'
export { readEnvelopeStatus } from './events/status.ts'
export { MIN_RETENTION_SECONDS } from './inbox/inbox.ts'
export { brand, vouchAs, vouchFor } from './options/errors.ts'
export { ERRORS, WebhookError, withStack } from './reply/errors.ts'
export { inboxErrors } from './inbox/errors.ts'
export { callSafely, originOf, textOf } from './options/logger.ts'
export {
  checkKind,
  checkOptions,
  readApp,
  readConsumer,
  readLogger,
  readTimeout,
  refuseUnset,
  refuseUnknown,
  unquote,
  wrong,
} from './options/option-reader.ts'
export { nearestTo } from './options/nearest.ts'
export { readStrictJson, readWithExact } from './events/json.ts'
export type { StrictJson } from './events/json.ts'
export { fingerprintOf, readPublicKeys } from './keys/public-key.ts'
export type { PublicKeyInput } from './keys/key-input.ts'
export type { VerificationKey } from './keys/public-key.ts'
export { isNumeral, spellPayload } from './events/payload.ts'
export { readPrivateKey } from './keys/private-key.ts'
export type { PrivateKeyInput, SigningKey } from './keys/private-key.ts'
export type { KeySource } from './keys/pem.ts'
export { findSigner, readSignature, SIGNATURE_HEADER, signBytes } from './keys/signature.ts'
export { signatureOf, verifierOf } from './receive/carried.ts'
export type { CarriedEvent, VerifyCarried } from './receive/carried.ts'
export { readWarn } from './options/warning.ts'
export type { Warn } from './options/warning.ts'
export { withTimeout } from './options/with-timeout.ts'
