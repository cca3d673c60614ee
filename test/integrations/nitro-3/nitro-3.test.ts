import { join } from 'node:path'
import { describeMount, spawnApp } from '../checks.ts'

describeMount({
  host: 'Nitro 3',
  folder: import.meta.dirname,
  snippets: { 'nitro.ts': 'routes/webhooks.post.ts', 'webhooks.ts': 'utils/webhooks.ts' },
  start: (app) => spawnApp(join(import.meta.dirname, 'start.ts'), app),
})
