import { describe, expect, it } from 'vitest'
import { Journal, type JournalRecord } from '../src/events/journal.ts'
import { START_MS } from './open-engine.ts'

describe('the journal', () => {
  it('numbers and dates what it is told, by the wall clock and by the sandbox', () => {
    const journal = openJournal()
    journal.write({ type: 'reset' })
    journal.write(changed(1))
    const [first, second] = journal.since(0)
    expect(first).toEqual({
      v: 1,
      boot: expect.stringMatching(/^[\da-f]{8}$/) as string,
      seq: 1,
      at: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/) as string,
      clock: '2024-02-10T00:00:00.000Z',
      type: 'reset',
    })
    expect(second).toMatchObject({ seq: 2, type: 'envelope.changed', envelope: 'red_1' })
  })

  it('gives what came after a record', () => {
    const journal = openJournal()
    for (let each = 1; each <= 5; each += 1) journal.write(changed(each))
    expect(seqs(journal.since(3))).toEqual([4, 5])
    expect(seqs(journal.since(5))).toEqual([])
    expect(seqs(journal.since(99))).toEqual([])
  })

  it('keeps the last 10,000 records', () => {
    const journal = openJournal()
    for (let each = 1; each <= 25_000; each += 1) journal.write(changed(each))
    const kept = journal.since(0)
    expect(kept).toHaveLength(10_000)
    expect(kept[0]?.seq).toBe(15_001)
    expect(kept.at(-1)?.seq).toBe(25_000)
    expect(seqs(journal.since(24_998))).toEqual([24_999, 25_000])
  })

  it('forgets when it is cleared, and does not begin to count again', () => {
    const journal = openJournal()
    journal.write(changed(1))
    journal.clear()
    expect(journal.since(0)).toEqual([])
    journal.write({ type: 'reset' })
    expect(seqs(journal.since(0))).toEqual([2])
  })

  it('tells listeners of every record from then on, until they stop', () => {
    const journal = openJournal()
    const heard: number[] = []
    journal.write(changed(1))
    const listener = ({ seq }: JournalRecord) => void heard.push(seq)
    const stopFirst = journal.listen(listener)
    const stopSecond = journal.listen(listener)
    journal.write(changed(2))
    stopFirst()
    stopFirst()
    journal.write(changed(3))
    stopSecond()
    journal.write(changed(4))
    expect(heard).toEqual([2, 2, 3])
  })

  it('tells everybody in order, also of what a listener causes', () => {
    const journal = openJournal()
    const first: number[] = []
    const second: number[] = []
    journal.listen(({ seq }) => {
      first.push(seq)
      if (seq < 3) journal.write(changed(seq + 1))
    })
    journal.listen(({ seq }) => void second.push(seq))
    journal.write(changed(1))
    expect(first).toEqual([1, 2, 3])
    expect(second).toEqual([1, 2, 3])
  })

  it('does not tell a listener of the record during which it came', () => {
    const journal = openJournal()
    const heard: number[] = []
    const stop = journal.listen(() => {
      stop()
      journal.listen(({ seq }) => void heard.push(seq))
    })
    journal.write(changed(1))
    journal.write(changed(2))
    expect(heard).toEqual([2])
  })

  it('ignores what listeners throw, and what they reject with', async () => {
    const journal = openJournal()
    const heard: number[] = []
    journal.listen(() => {
      throw new Error('broken')
    })
    // oxlint-disable-next-line typescript/no-misused-promises -- nothing keeps JavaScript from it
    journal.listen(() => Promise.reject(new Error('broken later')))
    journal.listen(({ seq }) => void heard.push(seq))
    journal.write(changed(1))
    await Promise.resolve()
    expect(heard).toEqual([1])
  })
})

function openJournal(): Journal {
  return new Journal(() => START_MS)
}

function changed(number: number) {
  const of = { envelope: `red_${number}`, orderNo: String(number), status: 'sending' }
  return { type: 'envelope.changed', ...of } as const
}

function seqs(records: readonly JournalRecord[]): number[] {
  return records.map(({ seq }) => seq)
}
