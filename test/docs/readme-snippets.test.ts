import { afterAll, beforeAll, describe, vi } from 'vitest'
import { createWorkspace, removeWorkspaces, SNIPPETS } from './snippets.ts'

// In a file of its own: the test sets the key of its process when it is imported.

beforeAll(() => void vi.spyOn(console, 'log').mockImplementation(() => {}))
afterAll(() => {
  removeWorkspaces()
  vi.restoreAllMocks()
})

describe('the test in the README', async () => {
  // With the receiver of app.ts as webhooks.ts, exported, as the README describes.
  const app = SNIPPETS.find(({ name }) => name === 'app.ts')?.code ?? ''
  const [receiver = ''] = app.split('\nconst app = ')
  const exported = receiver.replace('const webhooks', 'export const webhooks')
  const workspace = createWorkspace((code) =>
    code.startsWith('// webhooks.ts\n') ? exported : code,
  )
  await workspace.import('sent.test.ts')
})
