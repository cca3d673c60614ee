import { describeMidway, itNamesTheCall } from '../midway-3/suite.ts'

describeMidway('Midway 4 on Koa', import.meta.dirname, 'midway.ts')
itNamesTheCall('Midway 4 on Koa', import.meta.dirname, 'midway.ts')
