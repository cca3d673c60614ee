import { defineConfig } from 'vitest/config'

/** What `pnpm test:mutation` runs against every mutant: core's own tests, no type tests. */
export default defineConfig({
  test: {
    include: ['packages/core/test/**/*.test.ts'],
    env: { NODE_ENV: 'production' },
  },
})
