import { toNodeListener, type App } from 'h3'
import { createServer } from 'node:http'
import { join } from 'node:path'
import { describeMount, listen } from '../checks.ts'

describeMount({
  host: 'h3 1',
  folder: import.meta.dirname,
  snippets: { 'h3-1.ts': 'h3-1.ts' },
  async start(folder) {
    const { app } = (await import(join(folder, 'h3-1.ts'))) as { app: App }
    return listen(createServer(toNodeListener(app)))
  },
})
