export { createEventQueue } from './event-queue.ts'
export type { EventQueue } from './event-queue.ts'
export type { QueueReceiver, QueueReceiverOptions } from './receiver.ts'
export type { EventWorker } from './worker.ts'
export type {
  Consumer,
  EventBroker,
  JobFate,
  JobVerdict,
  RedriveSelection,
  TakenJob,
  Work,
} from './broker.ts'
export type { DeadLetter } from './dead-letters.ts'
export type { QueueErrorCode, Warn } from './errors.ts'
export type { EventJob } from './event-job.ts'
export type {
  DeadLettersOptions,
  EventQueueOptions,
  JobOptions,
  RedriveOptions,
  WorkOptions,
} from './options.ts'
