import { expect, it } from 'vitest'
import { check } from './checker.ts'
import type { History, Run } from './history.ts'
import { describeTimelines } from './timeline.ts'

const NEVER = { isTakeover: false, endedMs: undefined, leaseLostMs: undefined }
const FIRST: Run = { process: 1, key: 'a', task: 'apply', askedMs: 1000, startedMs: 1002, ...NEVER }
const SECOND: Run = {
  ...FIRST,
  process: 2,
  isTakeover: true,
  askedMs: 1100,
  startedMs: 1101,
  endedMs: 1105,
}

const HISTORY: History = {
  sent: new Set(['a', 'b', 'c']),
  answered: new Set(['a', 'b']),
  effects: [
    { key: 'a', process: 1 },
    { key: 'a', process: 2 },
    { key: 'c', process: 2 },
  ],
  runs: [{ ...FIRST, endedMs: 1105, leaseLostMs: 1104 }, SECOND],
  interruptions: [
    { kind: 'restart', server: 'redis', how: 'crash', fromMs: 1106, toMs: 1500 },
    { kind: 'stop', process: 1, point: 'in-handler', fromMs: 1200, toMs: 1300 },
    { kind: 'stop', process: 3, point: 'in-handler', fromMs: 1001, toMs: 1300 },
    { kind: 'kill', process: 2, point: 'before-answer' },
  ],
  leaseMs: 2000,
}

it('the timeline of an event that was lost or doubled lists what happened to it, in order', () => {
  expect(describeTimelines(HISTORY, check(HISTORY)).join('\n')).toBe(`\
b
  answered 2xx: yes; effects: none
a
         0  process 1: apply asked
         2  process 1: apply started
       100  process 2: apply asked
       101  process 2: apply started, told of a takeover
       104  process 1: apply lost its lease
       105  process 1: apply ended
       105  process 2: apply ended
       200  process 1 halts: in-handler
       300  process 1 goes on
            process 2 was killed: before-answer
  answered 2xx: yes; effects: by process 1 and 2`)
})

it('the timeline of an event lists a server that was restarted meanwhile', () => {
  const history = { ...HISTORY, effects: [], runs: [FIRST] }
  const lines = describeTimelines(history, check(history))
  expect(lines).toContain('       106  redis goes: crash')
  expect(lines).toContain('       500  redis is back')
})

it('the timeline is empty if no event was lost or doubled', () => {
  const history = { ...HISTORY, effects: [{ key: 'a', process: 1 }], answered: new Set(['a']) }
  expect(describeTimelines(history, check({ ...history, sent: new Set(['a']) }))).toEqual([])
})
