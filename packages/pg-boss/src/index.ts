export { pgBossQueue } from './pg-boss-queue.ts'
export type { PgBossQueueOptions } from './pg-boss-queue.ts'
export type { Boss } from './boss-queue.ts'
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
