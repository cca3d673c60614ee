import { describeTrials } from './program.ts'

describeTrials('memory')
