import { describeTrials } from './program.ts'

describeTrials('bullmq')
