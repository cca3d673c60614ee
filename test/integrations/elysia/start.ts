import { node } from '@elysiajs/node'
import { Elysia } from 'elysia'
import { once } from 'node:events'
import { createServer, type AddressInfo } from 'node:net'
import { join } from 'node:path'

const { folder } = JSON.parse(String(process.argv[2])) as { folder: string }
const { app } = (await import(join(folder, 'elysia.ts'))) as { app: Elysia }

// On Node, Elysia does not tell which free port it was given.
const probe = createServer().listen(0, '127.0.0.1')
await once(probe, 'listening')
const { port } = probe.address() as AddressInfo
probe.close()
await once(probe, 'close')

const options = 'bun' in process.versions ? {} : { adapter: node() }
new Elysia(options).use(app).listen({ port, hostname: '127.0.0.1' }, () => {
  console.log(`listening on ${port}`)
})
