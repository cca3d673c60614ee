import { describeTrials } from '../../crash/program.ts'

describeTrials('prisma')
