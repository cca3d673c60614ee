import { describeTrials } from './program.ts'

describeTrials('mysql2')
