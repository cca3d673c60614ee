import { cpSync, mkdtempSync, rmSync } from 'node:fs'
import { basename, join } from 'node:path'
import { afterAll, beforeAll } from 'vitest'
import { describeShop, EXAMPLES, runScript, startScripts } from '../../examples/shop.ts'
import { installBuilt } from '../built-package.ts'

const GENERATED = new Set(['.env', '.hongbao', '.next', 'node_modules', 'shop.db'])
const programs = { next: join(import.meta.dirname, 'node_modules/next/dist/bin/next') }
const quiet = { NEXT_TELEMETRY_DISABLED: '1' }

// Below this folder, from where Next.js and React resolve.
const folder = mkdtempSync(join(import.meta.dirname, '.app-'))

beforeAll(async () => {
  const filter = (path: string): boolean => !GENERATED.has(basename(path))
  cpSync(join(EXAMPLES, 'next'), folder, { recursive: true, filter })
  await installBuilt(['core', 'client'], folder)
  await runScript('next', 'build', quiet, { folder, programs })
})
afterAll(() => rmSync(folder, { recursive: true, force: true }))

describeShop({
  name: 'next',
  start: (variables) =>
    startScripts('next', ['start'], { ...variables, ...quiet }, { folder, programs }),
  // The status with which Next.js itself answers SIGTERM, when its requests have ended.
  ends: [[143, null]],
})
