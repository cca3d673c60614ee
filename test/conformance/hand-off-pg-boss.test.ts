import { describeHandOff } from './hand-off.ts'
import { pgBossHost } from './hand-offs/pg-boss.ts'

describeHandOff(pgBossHost)
