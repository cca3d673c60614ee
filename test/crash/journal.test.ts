import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, it } from 'vitest'
import { isOpen, openJournal, readJournal } from './journal.ts'

const folder = mkdtempSync(join(tmpdir(), 'hongbao-journal-'))
afterAll(() => rmSync(folder, { recursive: true }))

const NEVER = { isTakeover: false, endedMs: undefined, leaseLostMs: undefined }
const pathOf = (name: string): string => join(folder, name)

describe('the journal of a process', () => {
  it('records what was started and ended, and when', () => {
    const path = pathOf('runs')
    writeFileSync(
      path,
      '10 started apply a 8 first\n11 started hand-off a 9 first\n15 ended apply a\n',
    )
    expect(readJournal(path, 7).runs).toEqual([
      { process: 7, task: 'apply', key: 'a', askedMs: 8, startedMs: 10, ...NEVER, endedMs: 15 },
      { process: 7, task: 'hand-off', key: 'a', askedMs: 9, startedMs: 11, ...NEVER },
    ])
  })

  it('distinguishes two runs of an event', () => {
    const path = pathOf('twice')
    writeFileSync(path, '1 started apply a 1\n2 ended apply a\n3 started apply a 3\n')
    expect(readJournal(path, 1).runs.map(({ endedMs }) => endedMs)).toEqual([2, undefined])
  })

  it('records the loss of a lease in addition to the end', () => {
    const path = pathOf('lease')
    writeFileSync(path, '1 started apply a 1\n5 lease-lost apply a\n6 ended apply a\n')
    expect(readJournal(path, 1).runs).toMatchObject([{ leaseLostMs: 5, endedMs: 6 }])
  })

  it('ignores an incomplete last line of a killed process', () => {
    const path = pathOf('cut')
    writeFileSync(path, '1 started apply a 1\n2 SIGSTOP in-handler\n3 SIGKILL before-commit\n4 en')
    const { runs, signals } = readJournal(path, 1)
    expect(runs.filter(isOpen)).toHaveLength(1)
    expect(signals).toEqual([
      { signal: 'SIGSTOP', point: 'in-handler' },
      { signal: 'SIGKILL', point: 'before-commit' },
    ])
  })

  it('reads what the process writes', () => {
    const path = pathOf('written')
    const journal = openJournal(path)
    journal.started('apply', 'app:test:red_envelope.sent:red_1', 5, true)
    journal.leaseLost('app:test:red_envelope.sent:red_1')
    journal.ended('apply', 'app:test:red_envelope.sent:red_1')
    journal.started('hand-off', 'app:test:evt_2', 6, false)
    journal.signalled({ signal: 'SIGKILL', point: 'after-hand-off' })
    const { runs, signals } = readJournal(path, 3)
    expect(runs).toMatchObject([
      { key: 'app:test:red_envelope.sent:red_1', task: 'apply', isTakeover: true, askedMs: 5 },
      { key: 'app:test:evt_2', task: 'hand-off', isTakeover: false },
    ])
    expect(runs.map(isOpen)).toEqual([false, true])
    expect(runs[0]?.leaseLostMs).toEqual(expect.any(Number))
    expect(signals).toEqual([{ signal: 'SIGKILL', point: 'after-hand-off' }])
  })
})
