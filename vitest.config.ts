import { availableParallelism } from 'node:os'
import { defineConfig } from 'vitest/config'
import { PATIENCE_MS } from './test/patience.ts'
import { sortTests } from './test/projects.ts'
import { SlowestFirst } from './test/slowest-first.ts'

const { unit, integration } = sortTests(import.meta.dirname)
const CORES = availableParallelism()
/** How many files run at once that wait for other processes most of the time. */
const WAITING = 2 * CORES + 2

/** What holds for every test. */
const shared = {
  // Vitest's own `test` adds the text of errors to the default log. What production logs is what counts.
  env: { NODE_ENV: 'production' },
  // They end what hangs. What is promised about time a test measures itself.
  testTimeout: 2 * PATIENCE_MS,
  hookTimeout: 2 * PATIENCE_MS,
  expect: { poll: { timeout: PATIENCE_MS } },
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
          name: 'unit',
          include: [...unit],
          // Files share a worker, and what it has loaded: half of the time was loading it again.
          isolate: false,
          setupFiles: ['test/fresh-file.ts'],
          // Vitest's own default leaves one core free, which is half of a machine with two.
          maxWorkers: CORES,
          sequence: { groupOrder: 0 },
        },
      },
      {
        test: {
          ...shared,
          name: 'integration',
          include: [...integration],
          globalSetup: [
            'test/needs-openssl.ts',
            'test/servers/needs-servers.ts',
            'test/servers/clusters.ts',
            'test/compiled-code.ts',
          ],
          maxWorkers: WAITING,
          sequence: { groupOrder: 1 },
        },
      },
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
          maxWorkers: WAITING,
          sequence: { groupOrder: 1 },
        },
      },
    ],
  },
})
