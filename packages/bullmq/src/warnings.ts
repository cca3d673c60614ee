import type { QueueWarningCode, ReportWarning } from '@hongbao/hand-off'

/** What a queue on BullMQ warns of. */
export type BullmqWarningCode =
  | QueueWarningCode
  | 'bullmq-connection-failed'
  | 'bullmq-failover-unsafe'
  | 'bullmq-job-stalled'
  | 'bullmq-may-evict'
  | 'bullmq-may-hang'

export type Warn = ReportWarning<BullmqWarningCode>
