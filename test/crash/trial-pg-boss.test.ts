import { describeTrials } from './program.ts'

describeTrials('pg-boss')
