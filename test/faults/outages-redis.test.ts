import { REDIS_INBOXES } from './outage-subjects.ts'
import { describeOutages } from './outages.ts'

for (const subject of REDIS_INBOXES) describeOutages(subject)
