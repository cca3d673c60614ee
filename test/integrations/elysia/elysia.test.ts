import { join } from 'node:path'
import { describeMount, spawnApp } from '../checks.ts'

const snippets = { 'elysia.ts': 'elysia.ts' }
const folder = import.meta.dirname

describeMount({
  host: 'Elysia 1.4 on Node',
  folder,
  snippets,
  start: (app) => spawnApp(join(folder, 'start.ts'), app),
})

describeMount({
  host: 'Elysia 1.4 on Bun',
  folder,
  snippets,
  start: (app) => spawnApp(join(folder, 'start.ts'), app, join(folder, 'node_modules/.bin/bun')),
})
