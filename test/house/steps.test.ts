import { execFile } from 'node:child_process'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { beforeAll, expect, it } from 'vitest'
import type { Called } from './one-delivery.ts'

// The code that a reader must know to follow a delivery from the folder `receive`: it and the adapter; and all
// that runs besides, which JSON, keys and the inbox do. A change that raises one explains it in its commit.
const NARRATED = { files: 12, functions: 40 }
const ALL = { files: 24, functions: 84 }
let delivery: readonly Called[] = []

beforeAll(async () => {
  delivery = await callsOfOneDelivery()
})

it('one handled delivery on Express runs at most 12 files and 40 functions of receive/ and the adapter', () => {
  const narrated = delivery.filter(({ file }) => /^(?:core\/src\/receive|express)\//.test(file))
  expect(filesOf(narrated)).toContain('core/src/receive/pipeline.ts')
  expect(filesOf(narrated).slice(NARRATED.files)).toEqual([])
  expect(namesOf(narrated).slice(NARRATED.functions)).toEqual([])
})

it('one handled delivery on Express touches no more files and functions of hongbao than before', () => {
  expect(filesOf(delivery).slice(ALL.files)).toEqual([])
  expect(namesOf(delivery).slice(ALL.functions)).toEqual([])
})

async function callsOfOneDelivery(): Promise<readonly Called[]> {
  const program = join(import.meta.dirname, 'one-delivery.ts')
  // Functions that come compiled from a cache would not be counted.
  const env = { ...process.env, NODE_DISABLE_COMPILE_CACHE: '1' }
  const { stdout } = await promisify(execFile)(process.execPath, [program], { env })
  return JSON.parse(stdout)
}

function filesOf(called: readonly Called[]): string[] {
  return [...new Set(called.map(({ file }) => file))].toSorted()
}

function namesOf(called: readonly Called[]): string[] {
  return called.map(({ file, name, count }) => `${file} ${name} ${count}`).toSorted()
}
