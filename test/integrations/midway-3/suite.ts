import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { it, onTestFinished } from 'vitest'
import { run } from '../../packaging/steps.ts'
import { checkHint, describeMount, spawnApp, writeApp, type SpawnedApp } from '../checks.ts'

const CONFIGURATION = 'src/configuration.ts'

/** Checks the documented mount in a version of Midway. */
export function describeMidway(host: string, folder: string, snippet: string): void {
  describeMount({ host, folder, snippets: modules(snippet), start: startMidway })
}

/** Checks that the log names the call, if the app mounts hongbao after the body parser of Midway. */
export function itNamesTheCall(host: string, folder: string, snippet: string): void {
  it(`${host}, mounted after its body parser: the log names the call [G23]`, async () => {
    const app = await mkdtemp(join(folder, '.app-'))
    onTestFinished(() => rm(app, { recursive: true, force: true }))
    writeApp(app, modules(snippet))
    const file = join(app, CONFIGURATION)
    await writeFile(file, (await readFile(file, 'utf8')).replace('insertFirst', 'insertLast'))
    await checkHint(await startMidway(app), /In Midway, .*getMiddleware\(\)\.insertFirst\(/)
  })
}

function modules(snippet: string): Readonly<Record<string, string>> {
  return { [snippet]: CONFIGURATION, 'webhooks.ts': 'src/webhooks.ts' }
}

async function startMidway(app: string): Promise<SpawnedApp> {
  await writeFile(join(app, 'package.json'), JSON.stringify({ name: 'shop' }))
  const output = ['--outDir', join(app, 'dist'), '--rootDir', join(app, 'src')]
  await run('tsc', ['-p', app, '--noEmit', 'false', ...output])
  return spawnApp(join(import.meta.dirname, 'start.ts'), app)
}
