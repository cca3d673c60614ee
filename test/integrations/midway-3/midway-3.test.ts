import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { it, onTestFinished } from 'vitest'
import { run } from '../../packaging/steps.ts'
import { checkHint, describeMount, spawnApp, writeApp, type SpawnedApp } from '../checks.ts'

const snippets = { 'midway.ts': 'src/configuration.ts', 'webhooks.ts': 'src/webhooks.ts' }

describeMount({ host: 'Midway 3 on Koa', folder: import.meta.dirname, snippets, start })

it('Midway 3, mounted after its body parser: the log names the call [G23]', async () => {
  const app = await mkdtemp(join(import.meta.dirname, '.app-'))
  onTestFinished(() => rm(app, { recursive: true, force: true }))
  writeApp(app, snippets)
  const file = join(app, 'src/configuration.ts')
  await writeFile(file, (await readFile(file, 'utf8')).replace('insertFirst', 'insertLast'))
  await checkHint(await start(app), /In Midway, .*getMiddleware\(\)\.insertFirst\(/)
})

async function start(app: string): Promise<SpawnedApp> {
  await writeFile(join(app, 'package.json'), JSON.stringify({ name: 'shop' }))
  const output = ['--outDir', join(app, 'dist'), '--rootDir', join(app, 'src')]
  await run('tsc', ['-p', app, '--noEmit', 'false', ...output])
  return spawnApp(join(import.meta.dirname, 'start.ts'), app)
}
