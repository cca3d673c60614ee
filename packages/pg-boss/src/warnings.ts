import type { QueueWarningCode, ReportWarning } from '@hongbao/hand-off'

/** What a queue on pg-boss warns of. */
export type PgBossWarningCode = QueueWarningCode | 'pg-boss-unsupervised' | 'pg-boss-watch-failed'

export type Warn = ReportWarning<PgBossWarningCode>
