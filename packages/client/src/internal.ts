// Outside semantic versioning: for hongbao's own packages only, which are released together.
export { findParameterFlaw } from './red-envelopes/create-parameters.ts'
