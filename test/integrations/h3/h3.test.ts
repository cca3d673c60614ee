import { serve, type H3 } from 'h3'
import { join } from 'node:path'
import { describeMount } from '../checks.ts'

describeMount({
  host: 'h3 2',
  folder: import.meta.dirname,
  snippets: { 'h3.ts': 'h3.ts' },
  async start(folder) {
    const { app } = (await import(join(folder, 'h3.ts'))) as { app: H3 }
    const server = serve(app, { hostname: '127.0.0.1', port: 0, silent: true })
    await server.ready()
    return { url: new URL('/webhooks', server.url).href, close: () => server.close(true) }
  },
})
