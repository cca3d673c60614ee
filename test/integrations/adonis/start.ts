import { IgnitorFactory } from '@adonisjs/core/factories'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'

const { folder } = JSON.parse(String(process.argv[2])) as { folder: string }
Object.assign(process.env, { HOST: '127.0.0.1', PORT: '0' })

await new IgnitorFactory()
  .withCoreProviders()
  .withCoreConfig()
  .preload(async ({ container }) => {
    const server = await container.make('server')
    const router = await container.make('router')
    server.use([() => import(join(folder, 'adonis.ts'))])
    router.use([() => import('@adonisjs/core/bodyparser_middleware')])
    router.post('/orders', ({ request }) => request.body())
  })
  .create(pathToFileURL(`${folder}/`), { importer: (path) => import(path) })
  .httpServer()
  .start((handler) => {
    const server = createServer(handler)
    server.on('listening', () => {
      console.log(`listening on ${(server.address() as AddressInfo).port}`)
    })
    return server
  })
