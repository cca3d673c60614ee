import { initializeGlobalApplicationContext } from '@midwayjs/core'
import { Framework } from '@midwayjs/koa'
import { createRequire } from 'node:module'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'

// What hongbao logs is read by the test.
console.error = console.log
const { folder } = JSON.parse(String(process.argv[2])) as { folder: string }
const configuration: unknown = createRequire(import.meta.url)(join(folder, 'dist/configuration.js'))
// As @midwayjs/bootstrap does.
const context = await initializeGlobalApplicationContext({
  appDir: folder,
  baseDir: join(folder, 'dist'),
  imports: [configuration],
  globalConfig: { keys: 'keys' },
})
const server = context.get(Framework).getServer()
server.listen(0, '127.0.0.1', () => {
  console.log(`listening on ${(server.address() as AddressInfo).port}`)
})
