// What goes over the wire between Ping++ and a merchant, for packages that speak with Ping++ too:
// strict JSON, events, keys, signatures, and the limits of a red envelope; how hongbao's packages
// check their options and call their users' hooks; and how a queue carries what was signed.
export { joinBytes } from './bytes.ts'
export { parseEvent, refuseInvalid } from './event.ts'
export { CATALOGUE } from './events/catalogue.ts'
export { readEnvelopeStatus } from './envelope-status.ts'
export { Failure } from './failure.ts'
export { MIN_RETENTION_SECONDS } from './inbox.ts'
export { brand, ERRORS, inboxErrors, vouchAs, vouchFor } from './errors.ts'
export { contain, originOf, textOf } from './log.ts'
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
} from './option-checks.ts'
export { nearestTo } from './nearest.ts'
export { readStrictJson, readWithExact } from './json.ts'
export type { StrictJson } from './json.ts'
export { fingerprintOf, readPublicKeys } from './keys.ts'
export type { PublicKeyInput } from './key-input.ts'
export type { VerificationKey } from './keys.ts'
export { isNumeral, spellPayload } from './payload.ts'
export { readPrivateKey } from './private-key.ts'
export type { PrivateKeyInput, SigningKey } from './private-key.ts'
export type { KeySource } from './pem.ts'
export { findParameterFlaw } from './red-envelope-parameters.ts'
export type { ParameterFlaw } from './red-envelope-parameters.ts'
export { findSigner, readSignature, SIGNATURE_HEADER, signBytes } from './signature.ts'
export { signatureOf, verifierOf } from './carried.ts'
export type { CarriedEvent, VerifyCarried } from './carried.ts'
export { readWarn } from './warning.ts'
export type { Warn } from './warning.ts'
export { within } from './within.ts'
