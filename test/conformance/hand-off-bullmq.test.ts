import { describeHandOff } from './hand-off.ts'
import { bullmqHost } from './hand-offs/bullmq.ts'

describeHandOff(bullmqHost)
