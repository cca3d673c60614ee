import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { createReports, findEntries } from './report.ts'

// Every entry point's surface is a file under review in this folder. A change of it shows in the diff;
// it needs a changeset, and `pnpm vitest run test/api -u` to write the files.
const entries = findEntries()
const reports = createReports(entries)

describe('the public API', () => {
  it.each(entries)('of $name matches the reviewed report', async ({ name }) => {
    const file = `${name.replace('@hongbao/', '').replaceAll('/', '.')}.api.txt`
    await expect(reports.get(name)).toMatchFileSnapshot(join(import.meta.dirname, file))
  })
})
