// For the queues of hongbao's own packages; outside semantic versioning.
export { deadLetter, type Tell } from './dead-letters.ts'
export { QueueError } from './errors.ts'
export { queueOptionsOf, readJobOptions, type JobSettings } from './options.ts'
export { createWarn } from './warnings.ts'
