import { join } from 'node:path'
import { describeMount, spawnApp } from '../checks.ts'

describeMount({
  host: 'AdonisJS 7',
  folder: import.meta.dirname,
  snippets: { 'adonis.ts': 'adonis.ts' },
  start: (app) => spawnApp(join(import.meta.dirname, 'start.ts'), app),
})
