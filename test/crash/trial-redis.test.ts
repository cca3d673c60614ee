import { describeTrials } from './program.ts'

describeTrials('redis-unique', 'redis')
