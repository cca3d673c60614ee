import { POSTGRES_INBOXES } from './outage-subjects.ts'
import { describeOutages } from './outages.ts'

for (const subject of POSTGRES_INBOXES) describeOutages(subject)
