import { spawnSync } from 'node:child_process'
import { join } from 'node:path'
import { afterAll, describe, expect, it } from 'vitest'
import { createWorkspace, fileOf, removeWorkspaces } from './snippets.ts'

const INBOX = 'sqlite-inbox.ts'

afterAll(removeWorkspaces)

describe('sqlite-inbox.test.ts of docs/inboxes.md, run by node:test', () => {
  it('sqlite-inbox.ts passes every test of inboxConformance', () => {
    const { status, stdout } = runTests((code) => code)
    expect(stdout).toMatch(/^# pass 22$/m)
    expect(stdout).toMatch(/^# fail 0$/m)
    expect(status).toBe(0)
  })

  it.each([
    [
      'claims a key that another delivery has',
      'on conflict do nothing',
      'on conflict do update set owner = excluded.owner',
    ],
    ['has claims without an end', 'now() + LEASE_SECONDS', '1e12'],
    ['writes effects outside the transaction', 'void writes.push(write)', 'write(db)'],
  ])('sqlite-inbox.ts fails if it %s', (_, part, fault) => {
    const { status, stdout } = runTests((code) => code.replace(part, fault))
    expect(stdout).toMatch(/Expected: .+\n\s+Happened: .+\n\s+Why it matters: /)
    expect(status).toBe(1)
  })
})

/** Runs the test of the document with Node's own test runner, on an inbox that is edited. */
function runTests(edit: (code: string) => string) {
  const { directory } = createWorkspace((code) =>
    code.startsWith(`// ${INBOX}`) ? edit(code) : code,
  )
  const program = join(directory, fileOf('sqlite-inbox.test.ts'))
  const env = { ...process.env, TMPDIR: directory }
  return spawnSync(process.execPath, ['--test-reporter=tap', program], { encoding: 'utf8', env })
}
