import { describe, expect, it } from 'vitest'
import { breaches, check } from './checker.ts'
import type { History, Run } from './history.ts'

/** Two events, each answered, and applied by process 1. */
const GOOD: History = {
  sent: new Set(['a', 'b']),
  answered: new Set(['a', 'b']),
  effects: [
    { key: 'a', process: 1 },
    { key: 'b', process: 1 },
  ],
  runs: [run({ key: 'a' }), run({ key: 'b' })],
  interruptions: [],
  leaseMs: 50,
}

function run(changes: Partial<Run>): Run {
  const times = { askedMs: 9, startedMs: 10, endedMs: 20 }
  const whole = { process: 1, task: 'apply', isTakeover: false, ...times } as const
  return { key: 'a', ...whole, leaseLostMs: undefined, ...changes }
}

const twice = [...GOOD.effects, { key: 'a', process: 2 }]
const GUARANTEES = ['once', 'once-unless-interrupted', 'once-per-process'] as const

describe('a history', () => {
  it.each(GUARANTEES)('in which each event is applied once keeps "%s"', (guarantee) => {
    const findings = check(GOOD)
    expect(findings).toMatchObject({ events: 2, lost: [], undelivered: [], doubles: 0, runs: 2 })
    expect(breaches(findings, guarantee)).toEqual([])
  })

  it.each(GUARANTEES)('with a 2xx and no effect breaks "%s"', (guarantee) => {
    const findings = check({ ...GOOD, effects: GOOD.effects.slice(1) })
    expect(findings.lost).toEqual(['a'])
    expect(breaches(findings, guarantee)).toEqual(['1 answered 2xx, and never applied'])
  })

  it.each(GUARANTEES)('with an event that was never applied breaks "%s"', (guarantee) => {
    const findings = check({ ...GOOD, sent: new Set(['a', 'b', 'c']) })
    expect(findings).toMatchObject({ lost: [], undelivered: ['c'] })
    expect(breaches(findings, guarantee)).toHaveLength(1)
  })

  it.each(GUARANTEES)('with an effect of an event that was never sent breaks "%s"', (guarantee) => {
    const findings = check({ ...GOOD, effects: [...GOOD.effects, { key: 'x', process: 1 }] })
    expect(findings.foreign).toEqual(['x'])
    expect(breaches(findings, guarantee)).toHaveLength(1)
  })

  it('with an event that was applied and never answered breaks nothing', () => {
    expect(breaches(check({ ...GOOD, answered: new Set(['b']) }), 'once')).toEqual([])
  })

  it('counts every effect beyond the first', () => {
    const effects = [...twice, { key: 'a', process: 3 }, { key: 'b', process: 3 }]
    expect(check({ ...GOOD, effects }).doubles).toBe(3)
  })
})

describe('a double', () => {
  it('breaks "once" in every case', () => {
    const history: History = {
      ...GOOD,
      effects: twice,
      runs: [run({ endedMs: undefined }), run({ process: 2 })],
      interruptions: [{ kind: 'kill', process: 1, point: 'after-effect' }],
    }
    expect(breaches(check(history), 'once')).toHaveLength(1)
  })

  it('breaks "once-unless-interrupted" if nothing was interrupted', () => {
    const runs = [...GOOD.runs, run({ process: 2, isTakeover: true })]
    const findings = check({ ...GOOD, effects: twice, runs })
    expect(findings).toMatchObject({ doubles: 1, doublesUnexplained: 1, atRisk: 0 })
    expect(breaches(findings, 'once-unless-interrupted')).toHaveLength(1)
  })

  const killed = run({ endedMs: undefined })
  const window = { fromMs: 15, toMs: 90 }
  it.each<[string, Partial<History>]>([
    [
      'its process was killed during the run',
      { runs: [killed], interruptions: [{ kind: 'kill', process: 1, point: 'outside' }] },
    ],
    [
      'its process was stopped during the run',
      {
        runs: [run({ endedMs: 100 })],
        interruptions: [{ kind: 'stop', process: 1, point: 'in-handler', ...window }],
      },
    ],
    [
      'its process was stopped with the answer of the inbox in hand',
      {
        runs: [run({ startedMs: 91, endedMs: 100 })],
        interruptions: [{ kind: 'stop', process: 1, point: 'after-admit', ...window }],
      },
    ],
    [
      'the store was away during the run',
      {
        runs: [run({ endedMs: 100 })],
        interruptions: [{ kind: 'restart', server: 'redis', how: 'crash', ...window }],
      },
    ],
    [
      'it stalled for longer than its lease, and the inbox reported the loss',
      { runs: [run({ leaseLostMs: 59, endedMs: 61 })] },
    ],
  ])('is explained for "once-unless-interrupted" if %s', (_, changes) => {
    const runs = [...(changes.runs ?? []), run({ process: 2, isTakeover: true, askedMs: 200 })]
    const findings = check({ ...GOOD, effects: twice, ...changes, runs })
    expect(findings).toMatchObject({ doubles: 1, doublesUnexplained: 0, atRisk: 1 })
    expect(breaches(findings, 'once-unless-interrupted')).toEqual([])
  })

  it.each<[string, Partial<History>]>([
    [
      'another process that was killed',
      { interruptions: [{ kind: 'kill', process: 9, point: 'outside' }] },
    ],
    ['a lease that was lost before it was over', { runs: [run({ leaseLostMs: 58, endedMs: 61 })] }],
    [
      'a run of another event',
      {
        runs: [run({ key: 'b', endedMs: undefined })],
        interruptions: [{ kind: 'kill', process: 1, point: 'outside' }],
      },
    ],
    [
      'a run that had ended before the stop',
      { interruptions: [{ kind: 'stop', process: 1, point: 'outside', fromMs: 21, toMs: 90 }] },
    ],
    [
      'a run that began after the restart',
      {
        interruptions: [{ kind: 'restart', server: 'redis', how: 'crash', fromMs: 1, toMs: 8 }],
      },
    ],
    [
      'a hand-off that was in flight',
      {
        runs: [run({ task: 'hand-off', endedMs: undefined })],
        interruptions: [{ kind: 'kill', process: 1, point: 'after-hand-off' }],
      },
    ],
  ])('is not explained by %s', (_, changes) => {
    const findings = check({ ...GOOD, effects: twice, ...changes })
    expect(findings.doublesUnexplained).toBe(1)
  })

  it('breaks "once-unless-interrupted" if the second run had no `isTakeover` [E60]', () => {
    const interruptions = [{ kind: 'kill', process: 1, point: 'after-effect' }] as const
    const runs = [killed, run({ process: 2 })]
    const findings = check({ ...GOOD, effects: twice, runs, interruptions })
    expect(findings).toMatchObject({ doublesUnexplained: 0, doublesUntold: 1, untold: ['a'] })
    expect(breaches(findings, 'once-unless-interrupted')).toEqual([
      '1 applied again by a run without `isTakeover`',
    ])
  })

  it('counts as announced if only the first run had no `isTakeover`, even one that finishes last [E61]', () => {
    const effects = [...twice, { key: 'a', process: 3 }]
    const runs = [2, 3].map((process) => run({ process, isTakeover: true }))
    expect(check({ ...GOOD, effects, runs }).doublesUntold).toBe(0)
    expect(check({ ...GOOD, effects, runs: runs.slice(1) }).doublesUntold).toBe(1)
    expect(
      check({ ...GOOD, effects, runs: [run({ key: 'b', process: 2, isTakeover: true })] })
        .doublesUntold,
    ).toBe(2)
  })

  it('needs one run at risk of its own for every effect beyond the first', () => {
    const findings = check({
      ...GOOD,
      effects: [...twice, { key: 'a', process: 3 }],
      runs: [killed],
      interruptions: [{ kind: 'kill', process: 1, point: 'outside' }],
    })
    expect(findings).toMatchObject({ doubles: 2, doublesUnexplained: 1 })
  })

  it('of two processes keeps "once-per-process", and of one process breaks it', () => {
    const same = [...GOOD.effects, { key: 'a', process: 1 }]
    expect(breaches(check({ ...GOOD, effects: twice }), 'once-per-process')).toEqual([])
    expect(breaches(check({ ...GOOD, effects: same }), 'once-per-process')).toHaveLength(1)
  })
})

describe('a takeover', () => {
  const told = run({ process: 2, isTakeover: true, askedMs: 60, startedMs: 61 })

  it('that a later run does not see breaks "once-unless-interrupted" [E60]', () => {
    const runs = [...GOOD.runs, told, run({ process: 3, askedMs: 62, startedMs: 63 })]
    const findings = check({ ...GOOD, runs })
    expect(findings).toMatchObject({ doubles: 0, takeoversForgotten: 1, untold: ['a'] })
    expect(breaches(findings, 'once-unless-interrupted')).toHaveLength(1)
  })

  it.each<[string, Partial<Run>]>([
    ['had `isTakeover`, too', { isTakeover: true, askedMs: 62 }],
    ['asked before that one started', { askedMs: 60, startedMs: 63 }],
    ['is of another event', { key: 'b', askedMs: 62 }],
  ])('is not forgotten by a run that %s', (_, changes) => {
    const runs = [...GOOD.runs, told, run({ process: 3, ...changes })]
    expect(check({ ...GOOD, runs }).takeoversForgotten).toBe(0)
  })
})

describe('a kill', () => {
  it('counts as in flight if its process has not ended what it had started', () => {
    const findings = check({
      ...GOOD,
      runs: [run({}), run({ process: 2, endedMs: undefined }), run({ process: 3, key: 'b' })],
      interruptions: [
        { kind: 'kill', process: 1, point: 'outside' },
        { kind: 'kill', process: 2, point: 'before-commit' },
        { kind: 'kill', process: 3, point: 'before-admit' },
      ],
    })
    expect(findings).toMatchObject({ kills: 3, killsInFlight: 1, killsAt: { 'before-commit': 1 } })
  })

  it('of a hand-off that is in flight counts, too', () => {
    const findings = check({
      ...GOOD,
      runs: [run({ task: 'hand-off', endedMs: undefined })],
      interruptions: [{ kind: 'kill', process: 1, point: 'outside' }],
    })
    expect(findings.killsInFlight).toBe(1)
  })
})

describe('stops and restarts', () => {
  it('are counted', () => {
    const findings = check({
      ...GOOD,
      interruptions: [
        { kind: 'stop', process: 1, point: 'in-handler', fromMs: 15, toMs: 90 },
        { kind: 'stop', process: 1, point: 'outside', fromMs: 30, toMs: 90 },
        { kind: 'restart', server: 'postgres', how: 'orderly', fromMs: 30, toMs: 90 },
      ],
    })
    expect(findings).toMatchObject({ stops: 2, stopsInFlight: 1, restarts: 1, kills: 0 })
  })
})
