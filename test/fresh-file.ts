import { afterAll, vi } from 'vitest'

const UNLISTED: unique symbol = Symbol.for('hongbao.unlisted')

// Files of unit tests and of packages share a process with the files before them. What a file changes in that process ends
// with the file: clock, environment, spies, and the event types that it named with `unlisted`.
afterAll(() => {
  vi.useRealTimers()
  vi.unstubAllEnvs()
  vi.unstubAllGlobals()
  vi.restoreAllMocks()
  ;(globalThis as { [UNLISTED]?: Set<string> })[UNLISTED]?.clear()
})
