import { cp } from 'node:fs/promises'
import { join } from 'node:path'
import { describeMount, spawnApp } from '../checks.ts'

const ROUTE = 'src/routes/webhooks'

describeMount({
  host: 'SvelteKit 3',
  folder: import.meta.dirname,
  snippets: { 'sveltekit.ts': `${ROUTE}/+server.ts`, 'webhooks.ts': `${ROUTE}/webhooks.ts` },
  oversized: 'closes the connection',
  async start(app) {
    await cp(join(import.meta.dirname, 'app'), app, { recursive: true })
    return spawnApp(join(import.meta.dirname, 'start.ts'), app)
  },
})
