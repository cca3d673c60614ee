import { describeMidway, itNamesTheCall } from './suite.ts'

describeMidway('Midway 3 on Koa', import.meta.dirname, 'midway.ts')
itNamesTheCall('Midway 3 on Koa', import.meta.dirname, 'midway.ts')
