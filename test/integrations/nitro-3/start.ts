import { build, createNitro, prepare } from 'nitro'
import { createServer, type RequestListener } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'

const { folder } = JSON.parse(String(process.argv[2])) as { folder: string }
const nitro = await createNitro({ rootDir: folder, preset: 'node-middleware', logLevel: 0 })
await prepare(nitro)
await build(nitro)
await nitro.close()
const built = (await import(join(folder, '.output/server/index.mjs'))) as {
  middleware: RequestListener
}
const server = createServer(built.middleware).listen(0, '127.0.0.1', () => {
  console.log(`listening on ${(server.address() as AddressInfo).port}`)
})
