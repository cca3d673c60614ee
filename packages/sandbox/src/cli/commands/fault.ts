import { ASPECTS } from '../../faults/fault-kind.ts'
import type { FaultView } from '../../http/control/types.ts'
import { choice, command, flag, number, text, whole, type Group, type Option } from '../command.ts'
import { duration } from '../inputs.ts'
import { writeRows } from '../output.ts'

const attempt: Option<number | readonly [number, number]> = {
  value: '<n>',
  expected: 'attempts',
  read(given) {
    const [, from, to] = /^(\d+)(?:\.\.(\d+))?$/.exec(given) ?? []
    if (from === undefined) return undefined
    return to === undefined ? Number(from) : [Number(from), Number(to)]
  },
}

const times: Option<number | 'always'> = {
  value: '<count>',
  expected: 'times',
  read(given) {
    if (given === 'always') return given
    return /^\d+$/.test(given) ? Number(given) : undefined
  },
}

const match: Option<Readonly<Record<string, string>>> = {
  value: '<what=value>',
  expected: 'match',
  read(given, before = {}) {
    const [, name = '', value] = /^(type|envelope|order-no|operation)=(.+)$/.exec(given) ?? []
    if (value === undefined) return undefined
    return { ...before, [name === 'order-no' ? 'orderNo' : name]: value }
  },
}

export const fault: Group = {
  commands: {
    ls: command({
      async run({ control, output, texts }) {
        const { data } = await control.get<{ data: FaultView[] }>('/faults')
        if (data.length === 0) output.note(texts('noFaults'))
        writeRows(output, data, ({ id, kind, fired, ...rule }) => {
          const fields = Object.entries(rule).map(
            ([name, value]) => `${name}=${JSON.stringify(value)}`,
          )
          return [id, kind, texts('firedTimes', { count: fired }), fields.join(' ')]
        })
      },
    }),
    add: command({
      args: [{ name: '<kind>', choices: Object.keys(ASPECTS) }],
      // Names of the fields of a rule.
      options: {
        attempt,
        times,
        match,
        probability: number('<p>', /^\d+(?:\.\d+)?$/, 'number'),
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
      async run({ control, output }, options, kind = '') {
        const { delay, chunkPause, retryAfter, latency, ...rule } = options
        const added = await control.post<FaultView>('/faults', {
          kind,
          ...rule,
          delayMs: delay,
          chunkMs: chunkPause,
          retryAfterSeconds: retryAfter,
          latencyMs: latency,
        })
        output.result(added, added.id)
      },
    }),
    rm: command({
      args: ['<id>'],
      async run({ control, output }, _options, id = '') {
        const removed = await control.delete<object>(`/faults/${encodeURIComponent(id)}`)
        output.result(removed, id)
      },
    }),
    clear: command({
      async run({ control, output }) {
        const { removed } = await control.delete<{ removed: number }>('/faults')
        output.result({ removed }, String(removed))
      },
    }),
  },
}
