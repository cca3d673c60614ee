import { execFile } from 'node:child_process'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { expect, it } from 'vitest'
import type { Called } from './one-delivery.ts'

// What a reader must know to narrate a delivery. To be lowered when it can be, never raised.
const MOST_FILES = 24
const MOST_FUNCTIONS = 84

it(`one handled delivery on Express touches at most ${MOST_FILES} files and ${MOST_FUNCTIONS} functions`, async () => {
  const program = join(import.meta.dirname, 'one-delivery.ts')
  // Functions that come compiled from a cache would not be counted.
  const env = { ...process.env, NODE_DISABLE_COMPILE_CACHE: '1' }
  const { stdout } = await promisify(execFile)(process.execPath, [program], { env })
  const called: readonly Called[] = JSON.parse(stdout)

  const files = [...new Set(called.map(({ file }) => file))].toSorted()
  const names = called.map(({ file, name, count }) => `${file} ${name} ${count}`).toSorted()
  expect(files).toContain('core/src/receive/pipeline.ts')
  expect(files.slice(MOST_FILES)).toEqual([])
  expect(names.slice(MOST_FUNCTIONS)).toEqual([])
})
