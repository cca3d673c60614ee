export { createPingppClient } from './client.ts'
export type { PingppClient } from './client.ts'
export type { RedEnvelopeCreateParams } from './red-envelopes/create-parameters.ts'
export { PingppError } from './errors.ts'
export type { PingppApiError, PingppErrorCode } from './errors.ts'
export type { RedEnvelopeListParams } from './red-envelopes/list-parameters.ts'
export type { PingppClientOptions, PingppRequestOptions } from './options.ts'
export type { RedEnvelopeList, RedEnvelopePage } from './red-envelopes/pages.ts'
export { createReconciler } from './reconcile/reconciler.ts'
export type { Reconciler } from './reconcile/reconciler.ts'
export type { ReconcilerOptions, ReconcilerRunOptions } from './reconcile/reconciler-options.ts'
export type { OpenRedEnvelope } from './reconcile/open-envelopes.ts'
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
} from './reconcile/reconciler-report.ts'
