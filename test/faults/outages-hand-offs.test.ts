import { HAND_OFFS } from './outage-subjects.ts'
import { describeOutages } from './outages.ts'

for (const subject of HAND_OFFS) describeOutages(subject)
