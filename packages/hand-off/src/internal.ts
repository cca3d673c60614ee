// For hongbao's own brokers; outside semantic versioning.
export { deadLetter } from './dead-letters.ts'
export { createWarn, QueueError } from './errors.ts'
export { queueOptionsOf, readJobOptions, type JobSettings } from './options.ts'
