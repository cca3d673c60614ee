import { availableParallelism } from 'node:os'
import { defineConfig } from 'vitest/config'
import { PATIENCE_MS } from './test/patience.ts'
import { sortTests } from './test/projects.ts'
import { SlowestFirst } from './test/slowest-first.ts'

const { unit, packages, integration } = sortTests(import.meta.dirname)
const CORES = availableParallelism()

/** What holds for every test. */
const shared = {
  // Vitest's own `test` adds the text of errors to the default log. What production logs is what counts.
  env: { NODE_ENV: 'production' },
  // They end what hangs. What is promised about time a test measures itself.
  testTimeout: 2 * PATIENCE_MS,
  hookTimeout: 2 * PATIENCE_MS,
  expect: { poll: { timeout: PATIENCE_MS } },
}

/** What holds for files that share a worker, and what it has loaded. */
const sharing = { isolate: false, setupFiles: ['test/fresh-file.ts'] }

/** What holds for files that start processes. */
const starting = {
  globalSetup: [
    'test/needs-openssl.ts',
    'test/servers/needs-servers.ts',
    'test/servers/clusters.ts',
    'test/compiled-code.ts',
  ],
  // They wait for other processes most of the time: more of them can run than there are cores.
  maxWorkers: 2 * CORES + 2,
  sequence: { groupOrder: 1 },
}

export default defineConfig({
  test: {
    // An unhandled rejection anywhere fails the run: a receiver must never cause one.
    dangerouslyIgnoreUnhandledErrors: false,
    sequence: { sequencer: SlowestFirst },
    coverage: { include: ['packages/*/src/**/*.ts'] },
    projects: [
      {
        test: {
          ...shared,
          // Half of the time was loading again what files have in common.
          ...sharing,
          name: 'unit',
          include: [...unit],
          // One more than there are cores, because some of them wait for timers.
          maxWorkers: CORES + 1,
          sequence: { groupOrder: 0 },
        },
      },
      { test: { ...shared, ...sharing, ...starting, name: 'packages', include: [...packages] } },
      // Some of them run the programs of documents, which close nothing: a worker ends with its file.
      { test: { ...shared, ...starting, name: 'integration', include: [...integration] } },
      {
        test: {
          name: 'types',
          include: [],
          typecheck: {
            enabled: true,
            only: true,
            // With the sources that they import; `pnpm typecheck` reads all that is here.
            tsconfig: './tsconfig.test-d.json',
            include: ['{packages/*/test,test}/**/*.test-d.ts'],
            exclude: ['test/integrations/**', '**/node_modules/**'],
          },
        },
      },
    ],
  },
})
