import { afterAll, beforeAll, describe, vi } from 'vitest'
import { createWorkspace, removeWorkspaces } from './snippets.ts'

// In a file of its own: the app reads its key from the environment when it is imported.

beforeAll(() => {
  vi.spyOn(console, 'warn').mockImplementation(() => {})
  vi.spyOn(console, 'error').mockImplementation(() => {})
})
afterAll(() => {
  removeWorkspaces()
  vi.restoreAllMocks()
})

describe("the guide's own check of an app", async () => {
  await createWorkspace().import('ready.test.ts')
})
