import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { it, onTestFinished } from 'vitest'
import { run } from '../../packaging/steps.ts'
import { checkHint, describeMount, spawnApp, writeApp, type SpawnedApp } from '../checks.ts'

const snippets = {
  'egg-router.ts': 'app/router.ts',
  'egg-config.ts': 'config/config.default.ts',
  'webhooks.ts': 'app/webhooks.ts',
}

// Without it Egg answers 403 before its body parser.
const WITHOUT_CSRF = "export default { security: { csrf: { ignore: '/webhooks' } } }\n"

describeMount({ host: 'Egg 3', folder: import.meta.dirname, snippets, start })

it('Egg 3 without the settings: the log names them [G23]', async () => {
  const app = await mkdtemp(join(import.meta.dirname, '.app-'))
  onTestFinished(() => rm(app, { recursive: true, force: true }))
  writeApp(app, snippets)
  await writeFile(join(app, 'config/config.default.ts'), WITHOUT_CSRF)
  await checkHint(await start(app), /bodyParser\.ignore = '\/webhooks' and .*csrf\.ignore/)
})

async function start(app: string): Promise<SpawnedApp> {
  await writeFile(join(app, 'package.json'), JSON.stringify({ name: 'shop' }))
  // Every app of Egg has keys for its cookies.
  await writeFile(join(app, 'config/config.prod.ts'), "export default { keys: 'keys' }\n")
  // In production, Egg 3 runs what TypeScript has made: CommonJS.
  await run('tsc', ['-p', app, '--noEmit', 'false'])
  return spawnApp(join(import.meta.dirname, 'start.ts'), app)
}
