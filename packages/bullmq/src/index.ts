export { bullmqQueue } from './bullmq-queue.ts'
export type { BullmqQueueOptions } from './bullmq-queue.ts'
export type { BullmqWarningCode } from './warnings.ts'
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
