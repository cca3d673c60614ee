import type { Sandbox, SandboxEvent } from '@hongbao/sandbox'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, it } from 'vitest'
import { fieldsOf } from './source.ts'
import { section, tables } from './markdown.ts'
import { createWorkspace, readDocument, removeWorkspaces } from './snippets.ts'

interface Kept {
  readonly openKeptSandbox: (folder: string) => Promise<Sandbox>
}

interface Copies {
  readonly sendEditedCopies: (
    sandbox: Sandbox,
    id: string,
  ) => { copy: SandboxEvent; forged: SandboxEvent }
}

afterAll(removeWorkspaces)

describe('the snippets of docs/sandbox.md', () => {
  it('keep events over a restart, and send edited copies', async () => {
    const workspace = createWorkspace()
    const { openKeptSandbox } = await workspace.import<Kept>('kept-sandbox.ts')
    const { sendEditedCopies } = await workspace.import<Copies>('edited-copy.ts')
    const folder = mkdtempSync(join(tmpdir(), 'hongbao-docs-'))
    const before = await openKeptSandbox(folder)
    before.setTarget(() => new Response())
    const { id } = before.trigger('red_envelope.sent')
    const { copy, forged } = sendEditedCopies(before, id)
    await before.clock.settled()
    await before.close()

    const after = await openKeptSandbox(folder)
    expect(after.events().map((event) => event.id)).toEqual([id, copy.id, forged.id])
    expect(after.event(id)?.attempts).toHaveLength(2)
    expect(copy).toMatchObject({ from: id })
    expect(forged.signature).toBe(after.event(id)?.signature)
    await after.close()
    rmSync(folder, { recursive: true })
  })

  it('have every option in the table', () => {
    const [rows = []] = tables(section(readDocument('docs/sandbox.md'), '## Options'))
    const told = rows
      .slice(1)
      .flatMap(([names = '']) => [...names.matchAll(/`(\w+)`/g)].map(([, name]) => name))
    const options = fieldsOf('packages/sandbox/src/options.ts', 'SandboxOptions')
    expect(new Set(told)).toEqual(new Set(options.map(({ field }) => field)))
  })
})
