import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { vi } from 'vitest'
import { codeBlocks } from '../docs/markdown.ts'
import { readDocument } from '../docs/snippets.ts'

/** A program of the README of a package: the first of those in TypeScript is 0. */
export type Program = readonly [name: string, index: number]

/** Runs one in this process, as it stands. */
export async function runReadme<Module>(
  [name, index]: Program,
  env: Readonly<Record<string, string>>,
): Promise<Module> {
  const programs = codeBlocks(readDocument(`packages/${name}/README.md`)).filter(
    ({ language }) => language === 'ts',
  )
  // From below `test/` the packages of the workspace resolve.
  const directory = mkdtempSync(join(import.meta.dirname, '.snippets-'))
  const path = join(directory, 'program.ts')
  writeFileSync(path, programs[index]?.text ?? '')
  for (const [variable, value] of Object.entries(env)) vi.stubEnv(variable, value)
  try {
    return (await import(/* @vite-ignore */ path)) as Module
  } finally {
    vi.unstubAllEnvs()
    rmSync(directory, { recursive: true })
  }
}
