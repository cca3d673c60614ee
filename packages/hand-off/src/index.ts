export { createEventQueue } from './event-queue.ts'
export type { EventQueue } from './event-queue.ts'
export type { QueueReceiver, QueueReceiverOptions } from './receiver.ts'
export type { EventWorker } from './worker.ts'
export type {
  EventBroker,
  JobConsumer,
  JobFate,
  JobRunner,
  JobVerdict,
  RedriveSelection,
  TakenJob,
} from './broker.ts'
export type { DeadLetter } from './dead-letters.ts'
export type { QueueErrorCode, QueueWarningCode, ReportWarning } from './errors.ts'
export type { EventJob } from './event-job.ts'
export type {
  DeadLettersOptions,
  EventQueueOptions,
  JobOptions,
  RedriveOptions,
  WorkOptions,
} from './options.ts'
