import { defineConfig } from 'vitest/config'

export default defineConfig({
  test: {
    include: ['packages/*/test/**/*.test.ts', 'test/**/*.test.ts'],
    globalSetup: ['test/needs-openssl.ts', 'test/servers/needs-servers.ts'],
    // Vitest's own `test` adds the text of errors to the default log. What production logs is what counts.
    env: { NODE_ENV: 'production' },
    // They end what hangs. A machine with two cores and much to do may take its time: no test's verdict
    // is in them, and what is promised about time a test measures itself.
    testTimeout: 60_000,
    hookTimeout: 60_000,
    // An unhandled rejection anywhere fails the run: a receiver must never cause one.
    dangerouslyIgnoreUnhandledErrors: false,
    typecheck: { enabled: true, include: ['packages/*/test/**/*.test-d.ts'] },
    coverage: { include: ['packages/*/src/**/*.ts'] },
  },
})
