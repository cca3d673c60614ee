import { readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { findFiles } from './find-files.ts'

const PATTERNS = ['packages/*/test/**/*.test.ts', 'test/**/*.test.ts']
// The integrations have a run and a configuration of their own: vitest.integrations.config.ts.
const EXCLUDED = ['**/node_modules/**', 'test/integrations/**']

/** The test files, by what they need. */
export interface Suites {
  /** Need nothing but this process. */
  readonly unit: readonly string[]
  /** Of one package; start processes: servers, programs, compilers, `openssl`. */
  readonly packages: readonly string[]
  /** Of several packages, and start processes. */
  readonly integration: readonly string[]
}

/**
 * Sorts the test files under a folder. A file that imports `node:child_process`, itself or by way of
 * the project's own files, is an integration test; so no unit test can start to need a server unnoticed.
 */
export function sortTests(root: string): Suites {
  const startsProcesses = createSearch('node:child_process')
  const files = findFiles(PATTERNS, { cwd: root, exclude: EXCLUDED })
  const starting = files.filter((file) => startsProcesses(join(root, file)))
  return {
    unit: files.filter((file) => !starting.includes(file)),
    packages: starting.filter((file) => file.startsWith('packages/')),
    integration: starting.filter((file) => !file.startsWith('packages/')),
  }
}

/** Finds out whether a file imports a module, directly or by way of relative imports. */
function createSearch(wanted: string): (file: string) => boolean {
  const known = new Map<string, boolean>()

  function reaches(file: string): boolean {
    const before = known.get(file)
    if (before !== undefined) return before
    // A circle of imports ends here.
    known.set(file, false)
    const found = importsOf(file).some((name) =>
      name.startsWith('.')
        ? name.endsWith('.ts') && reaches(join(dirname(file), name))
        : name === wanted,
    )
    known.set(file, found)
    return found
  }

  return reaches
}

function importsOf(file: string): string[] {
  const source = readFileSync(file, 'utf8')
  return [...source.matchAll(/(?:\bfrom |\bimport |\bimport\()\s*'([^'\n]+)'/g)].map(
    ([, name = '']) => name,
  )
}
