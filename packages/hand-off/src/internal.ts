// For hongbao's own brokers; outside semantic versioning.
export { deadLetter } from './dead-letters.ts'
export { createWarn, QueueError } from './errors.ts'
export { openEventQueue } from './event-queue.ts'
export { readJobOptions, type JobSettings } from './options.ts'
