export { pgBossQueue } from './pg-boss-queue.ts'
export type { PgBossQueueOptions } from './pg-boss-queue.ts'
export type { PgBossClient } from './boss-queue.ts'
export type { PgBossWarningCode } from './warnings.ts'
export type {
  DeadLetter,
  EventJob,
  EventQueue,
  EventWorker,
  QueueReceiver,
  QueueReceiverOptions,
  RedriveOptions,
  WorkOptions,
} from '@hongbao/hand-off'
