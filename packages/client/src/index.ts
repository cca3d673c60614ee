export { createPingppClient } from './client.ts'
export type { PingppClient } from './client.ts'
export type { RedEnvelopeCreateParams } from './create-parameters.ts'
export { PingppError } from './errors.ts'
export type { PingppApiError, PingppErrorCode } from './errors.ts'
export type { RedEnvelopeListParams } from './list-query.ts'
export type { PingppClientOptions, PingppRequestOptions } from './options.ts'
export type { RedEnvelopeList, RedEnvelopePage } from './pages.ts'
export { createReconciler } from './reconciler.ts'
export type { Reconciler } from './reconciler.ts'
export type { ReconcilerOptions, ReconcilerRunOptions } from './reconciler-options.ts'
export type { OpenRedEnvelope } from './open-envelopes.ts'
export type {
  ReconcilerConflict,
  ReconcilerEnvelope,
  ReconcilerErrorCode,
  ReconcilerFailure,
  ReconcilerOverdueEnvelope,
  ReconcilerReport,
  ReconcilerRunError,
  ReconcilerStep,
  ReconcilerTotal,
} from './reconciler-report.ts'
