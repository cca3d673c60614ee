import { createServer, type RequestListener } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { createBuilder } from 'vite'

const { folder } = JSON.parse(String(process.argv[2])) as { folder: string }
process.chdir(folder)
const builder = await createBuilder({ root: folder, logLevel: 'error' })
await builder.buildApp()
const built = (await import(join(folder, 'build/handler.js'))) as { handler: RequestListener }
const server = createServer(built.handler).listen(0, '127.0.0.1', () => {
  console.log(`listening on ${(server.address() as AddressInfo).port}`)
})
