import { describeTrials } from './program.ts'

describeTrials('postgres')
