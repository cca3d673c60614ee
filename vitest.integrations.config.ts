import { availableParallelism } from 'node:os'
import { defineConfig } from 'vitest/config'
import { PATIENCE_MS } from './test/patience.ts'
import { SlowestFirst } from './test/slowest-first.ts'

/**
 * hongbao inside other people's frameworks, ORMs and platforms, each with its own packages under
 * `test/integrations`. A run of its own: the packages are several times as large as the rest.
 */
export default defineConfig({
  test: {
    include: ['test/integrations/**/*.test.ts'],
    env: { NODE_ENV: 'production' },
    globalSetup: [
      'test/integrations/needs-programs.ts',
      'test/integrations/built-package.ts',
      'test/servers/clusters.ts',
      'test/compiled-code.ts',
    ],
    sequence: { sequencer: SlowestFirst },
    // They end what hangs: a framework's own build may take a minute on a busy machine.
    testTimeout: 4 * PATIENCE_MS,
    hookTimeout: 4 * PATIENCE_MS,
    expect: { poll: { timeout: PATIENCE_MS } },
    // Builds and servers use the cores of a small machine by themselves.
    maxWorkers: availableParallelism(),
  },
})
