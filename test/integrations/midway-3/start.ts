import type * as Core from '@midwayjs/core'
import type { Server } from 'node:http'
import { createRequire } from 'node:module'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'

// What hongbao logs is read by the test.
console.error = console.log
const { folder } = JSON.parse(String(process.argv[2])) as { folder: string }
// Egg keeps its logs below HOME.
Object.assign(process.env, { EGG_SERVER_ENV: 'prod', EGG_HOME: folder })
// The Midway of the app.
const require = createRequire(join(folder, 'package.json'))
const { HTTP_SERVER_KEY, initializeGlobalApplicationContext } =
  require('@midwayjs/core') as typeof Core
// As @midwayjs/bootstrap does.
const context = await initializeGlobalApplicationContext({
  appDir: folder,
  baseDir: join(folder, 'dist'),
  imports: [require('./dist/configuration.js')],
  globalConfig: { keys: 'keys' },
})
const server = context.get<Server>(HTTP_SERVER_KEY)
server.listen(0, '127.0.0.1', () => {
  console.log(`listening on ${(server.address() as AddressInfo).port}`)
})
