import { describeMidway } from '../midway-3/suite.ts'

describeMidway('Midway 3 on Egg', import.meta.dirname, 'midway-egg.ts')
