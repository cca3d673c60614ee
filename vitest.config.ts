import { defineConfig } from 'vitest/config'

export default defineConfig({
  test: {
    include: ['packages/*/test/**/*.test.ts', 'test/**/*.test.ts'],
    globalSetup: ['test/needs-openssl.ts', 'test/servers/needs-servers.ts'],
    // An unhandled rejection anywhere fails the run: a receiver must never cause one.
    dangerouslyIgnoreUnhandledErrors: false,
    typecheck: { enabled: true, include: ['packages/*/test/**/*.test-d.ts'] },
    coverage: { include: ['packages/*/src/**/*.ts'] },
  },
})
