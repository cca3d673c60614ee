import { createTestKeys } from '@hongbao/core/testing'
import { startSandbox } from '@hongbao/sandbox'
import { Miniflare } from 'miniflare'
import { spawnSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import ts from 'typescript'
import { afterAll, beforeAll, expect, it, onTestFinished } from 'vitest'
import { freePort } from '../free-port.ts'
import { bundleApp, type Bundle } from '../runtimes/bundle.ts'
import { describeShop, EXAMPLES, type RunningShop, type Variables } from './shop.ts'

/** What `wrangler dev` reads. */
interface Settings {
  readonly main: string
  readonly compatibility_date: string
  readonly compatibility_flags: string[]
  readonly d1_databases: readonly [{ readonly binding: string; readonly database_name: string }]
}

const SHOP = join(EXAMPLES, 'hono-workers')
const settings = readSettings()
let folder: string
let bundle: Bundle

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'hongbao-shop-'))
  const main = pathToFileURL(join(SHOP, settings.main))
  bundle = await bundleApp(createTestKeys(), folder, main)
})
afterAll(() => rmSync(folder, { recursive: true, force: true }))

describeShop({ name: 'hono-workers', start, ends: [] })

it('the reconciler loads, and runs by a cron trigger of Workers [G30]', async () => {
  const sandbox = await startSandbox()
  onTestFinished(() => sandbox.close())
  const shop = await start({ ...sandbox.env, PINGPP_APP: 'app_1', PORT: `${await freePort()}` })
  onTestFinished(async () => void (await shop.stop('SIGTERM')))
  expect(sandbox.journal()).toContainEqual(
    expect.objectContaining({ type: 'api.request', operation: 'list', status: 200 }),
  )
})

it('the example hono-workers has the types of Workers', () => {
  const compiler = createRequire(import.meta.url).resolve('typescript5/lib/tsc.js')
  const { stdout } = spawnSync(process.execPath, [compiler, '-p', SHOP], {
    encoding: 'utf8',
    cwd: SHOP,
  })
  // The sources of the packages have settings of their own; users get declarations.
  expect(stdout.split('\n').filter((line) => /^\w+\.ts/.test(line))).toEqual([])
})

/** Starts it as `wrangler dev` does, of which Miniflare is a part, but without asking Cloudflare for anything. */
async function start(variables: Variables): Promise<RunningShop> {
  const [{ binding, database_name }] = settings.d1_databases
  const miniflare = new Miniflare({
    modules: [{ type: 'ESModule', path: 'app.mjs', contents: bundle.code }],
    compatibilityDate: settings.compatibility_date,
    compatibilityFlags: settings.compatibility_flags,
    d1Databases: { [binding]: database_name },
    d1Persist: join(folder, 'd1'),
    bindings: variables,
    port: Number(variables['PORT']),
    cf: false,
  })
  const { origin } = await miniflare.ready
  const database = await miniflare.getD1Database(binding)
  await database.prepare(readFileSync(join(SHOP, 'schema.sql'), 'utf8')).run()
  const worker = await miniflare.getWorker()
  await worker.scheduled({ cron: '*/5 * * * *' })
  let ending: Promise<void> | undefined
  return {
    url: origin,
    async stop() {
      await (ending ??= miniflare.dispose())
      return []
    },
  }
}

function readSettings(): Settings {
  const file = join(SHOP, 'wrangler.jsonc')
  return ts.parseConfigFileTextToJson(file, readFileSync(file, 'utf8')).config as Settings
}
