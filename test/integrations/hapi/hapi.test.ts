import type { Server } from '@hapi/hapi'
import { join } from 'node:path'
import { describeMount } from '../checks.ts'

describeMount({
  host: 'hapi 21',
  folder: import.meta.dirname,
  snippets: { 'hapi.ts': 'hapi.ts' },
  async start(app) {
    const { server } = (await import(join(app, 'hapi.ts'))) as { server: Server }
    await server.start()
    return {
      url: `http://127.0.0.1:${server.info.port}/webhooks`,
      close: () => server.stop({ timeout: 0 }),
    }
  },
})
