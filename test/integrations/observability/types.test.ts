import { execFile } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { expect, it } from 'vitest'
import { ROOT } from '../../docs/snippets.ts'
import { writeRecipes } from './recipes.ts'

const RECIPES = ['logging.ts', 'metrics.ts', 'traces.ts', 'otel-metrics.ts', 'sentry.ts']

it('the recipes of docs/observing.md have the right types', async () => {
  const folder = writeRecipes(RECIPES)
  // What a reader's project need not have, as in test/docs/snippets.test.ts.
  const compilerOptions = {
    declaration: false,
    isolatedDeclarations: false,
    noPropertyAccessFromIndexSignature: false,
  }
  const settings = {
    extends: join(ROOT, 'tsconfig.base.json'),
    compilerOptions,
    include: ['./*.ts'],
  }
  writeFileSync(join(folder, 'tsconfig.json'), JSON.stringify(settings))
  const tsc = join(ROOT, 'node_modules/.bin/tsc')
  const { stdout } = await promisify(execFile)(tsc, ['-p', folder]).catch((error) => error)
  expect(stdout).toBe('')
})
