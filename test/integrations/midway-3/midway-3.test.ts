import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { run } from '../../packaging/steps.ts'
import { describeMount, spawnApp } from '../checks.ts'

describeMount({
  host: 'Midway 3 on Koa',
  folder: import.meta.dirname,
  snippets: { 'midway.ts': 'src/configuration.ts', 'webhooks.ts': 'src/webhooks.ts' },
  async start(app) {
    await writeFile(join(app, 'package.json'), JSON.stringify({ name: 'shop' }))
    const output = ['--outDir', join(app, 'dist'), '--rootDir', join(app, 'src')]
    await run('tsc', ['-p', app, '--noEmit', 'false', ...output])
    return spawnApp(join(import.meta.dirname, 'start.ts'), app)
  },
})
