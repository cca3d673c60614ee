import { describe, expect, it } from 'vitest'
import type { History } from './history.ts'
import { STORES } from './stores.ts'
import type { Trial } from './trial.ts'
import { formatJson, formatTable, judge, type Verdict } from './verdict.ts'

const NEVER = { isTakeover: false, endedMs: undefined, leaseLostMs: undefined }

const HISTORY: History = {
  sent: new Set(['a']),
  answered: new Set(['a']),
  effects: [{ key: 'a', process: 2 }],
  runs: [
    { process: 1, key: 'a', task: 'apply', askedMs: 0, startedMs: 1, ...NEVER },
    { process: 2, key: 'a', task: 'apply', askedMs: 2, startedMs: 2, ...NEVER, endedMs: 3 },
  ],
  interruptions: [{ kind: 'kill', process: 1, point: 'in-handler' }],
  leaseMs: 0,
}

function judged(history: Partial<History> = {}, trial: Partial<Trial> = {}, kills = 1): Verdict {
  const { postgres: plan } = STORES
  if (plan === undefined) throw new Error('There is no Postgres.')
  const counts = { notifications: 2, requests: 3, givenUp: 0, crashes: [], seconds: 4.2 }
  const whole = { history: { ...HISTORY, ...history }, ...counts, ...trial }
  return judge({ name: 'postgres', plan, kills, seed: 7 }, whole)
}

describe('a verdict', () => {
  it('passes if every promise was kept and enough kills landed', () => {
    expect(judged().breaches).toEqual([])
  })

  it('fails a store that breaks its promise', () => {
    expect(judged({ effects: [] }).breaches).toEqual(['1 answered 2xx, and never applied'])
  })

  it('fails an app that exited unexpectedly, with its error', () => {
    const lastWords = 'node:events:505\n    throw er;\n\nerror: terminating connection\n    at x\n'
    expect(judged({}, { crashes: [lastWords] }).breaches).toEqual([
      'An app ended by itself: error: terminating connection',
    ])
  })

  it('fails a trial in which too few kills found a handler in flight', () => {
    expect(judged({}, {}, 2).breaches).toEqual([
      '1 kills of 2 found a handler in flight: too few to say anything',
    ])
  })

  it('says nothing good of a trial in which no kill came to one of the points', () => {
    const points = STORES['postgres']?.points ?? []
    const kills = points.map((point) => ({ kind: 'kill', process: 1, point }) as const)
    const [first] = points
    expect(judged({ interruptions: kills }, {}, points.length).breaches).toEqual([])
    expect(judged({ interruptions: kills.slice(1) }, {}, points.length).breaches).toContain(
      `No kill came to ${first}: too little to say anything of these points`,
    )
  })

  it('is a row of the table', () => {
    const [head = '', row = ''] = formatTable([judged()]).split('\n')
    expect(head).toMatch(/^store +events +requests +kills in flight .* promise$/)
    expect(row).toMatch(/^Postgres inbox +1 +3 +1 .* kept$/)
    expect(formatTable([judged({ effects: [] })])).toMatch(/BROKEN$/)
  })

  it('is a line of JSON, with counts instead of keys', () => {
    expect(JSON.parse(formatJson(judged({ effects: [] })))).toMatchObject({
      store: 'postgres',
      kept: false,
      lost: 1,
      doubles: 0,
      killsInFlight: 1,
      killsAt: { 'in-handler': 1 },
      seconds: 4,
      seed: 7,
      breaches: ['1 answered 2xx, and never applied'],
    })
  })
})
