export { createClient } from './client.ts'
export type { Client } from './client.ts'
export type { CreateRedEnvelope } from './create-parameters.ts'
export { ClientError, isClientError } from './errors.ts'
export type { ApiError, ClientErrorCode, ClientErrorFacts } from './errors.ts'
export type { ListRedEnvelopes } from './list-query.ts'
export type { ClientOptions, RequestOptions } from './options.ts'
export type { Page, PagedList } from './pages.ts'
export { reconcile } from './reconcile.ts'
export type { Reconciliation } from './reconcile.ts'
export type { ReconcileOptions, RunOptions } from './reconcile-options.ts'
export type { OpenEnvelope, ReadOpen } from './open-envelopes.ts'
export type {
  Conflict,
  EnvelopeStep,
  EnvelopeView,
  FailedStep,
  OverdueEnvelope,
  ReconcileReport,
  RunError,
  Total,
} from './reconcile-report.ts'
export type { Wait } from './token-bucket.ts'
