import { ASPECTS } from '../../faults/fault-kind.ts'
import type { FaultView } from '../../http/control/types.ts'
import {
  choice,
  command,
  flag,
  number,
  text,
  whole,
  type Commands,
  type Option,
} from '../command.ts'
import { duration } from '../inputs.ts'

const attempt: Option<number | readonly number[]> = {
  value: '<n>',
  expected: 'expected.attempts',
  read(given) {
    if (!/^\d+(?:\.\.\d+)?$/.test(given)) return undefined
    const [from = 0, ...to] = given.split('..').map(Number)
    return to.length === 0 ? from : [from, ...to]
  },
}

const times: Option<number | 'always'> = {
  value: '<count>',
  expected: 'expected.times',
  read(given) {
    if (given === 'always') return given
    return /^\d+$/.test(given) ? Number(given) : undefined
  },
}

const match: Option<Readonly<Record<string, string>>> = {
  value: '<what=value>',
  expected: 'expected.match',
  read(given, before = {}) {
    const [, name = '', value] = /^(type|envelope|order-no|operation)=(.+)$/.exec(given) ?? []
    if (value === undefined) return undefined
    return { ...before, [name === 'order-no' ? 'orderNo' : name]: value }
  },
}

export const commands: Commands = {
  'fault ls': command({
    async run({ control, output, texts }) {
      const { data } = await control.get<{ data: FaultView[] }>('/faults')
      if (data.length === 0) output.note(texts('noFaults'))
      output.rows(data, ({ id, kind, fired, ...rule }) => {
        const fields = Object.entries(rule).map(
          ([name, value]) => `${name}=${JSON.stringify(value)}`,
        )
        return [id, kind, texts('firedTimes', { count: fired }), fields.join(' ')]
      })
    },
  }),
  'fault add': command({
    args: [{ name: '<kind>', choices: Object.keys(ASPECTS) }],
    // Names of the fields of a rule.
    options: {
      attempt,
      times,
      match,
      probability: number('<p>', /^\d+(?:\.\d+)?$/, 'expected.number'),
      copies: whole('<count>'),
      how: choice('<how>', ['at-once', 'in-sequence']),
      delay: duration,
      chunkBytes: whole('<count>'),
      chunkPause: duration,
      status: whole('<status>'),
      code: text('<code>'),
      retryAfter: whole('<seconds>'),
      latency: duration,
      committed: flag,
    },
    async run({ control, output }, options, kind) {
      const { delay, chunkPause, retryAfter, latency, ...rule } = options
      const units = {
        delayMs: delay,
        chunkMs: chunkPause,
        retryAfterSeconds: retryAfter,
        latencyMs: latency,
      }
      const added = await control.post<FaultView>('/faults', { kind, ...rule, ...units })
      output.result(added, added.id)
    },
  }),
  'fault rm': command({
    args: ['<id>'],
    async run({ control, output }, _options, id = '') {
      output.result(await control.delete<object>(`/faults/${encodeURIComponent(id)}`), id)
    },
  }),
  'fault clear': command({
    async run({ control, output }) {
      const { removed } = await control.delete<{ removed: number }>('/faults')
      output.result({ removed }, String(removed))
    },
  }),
}
