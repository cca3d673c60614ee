import { ASPECTS } from '../../faults/fault-kind.ts'
import type { FaultView } from '../../http/control/types.ts'
import { choice, command, flag, number, valued, text, whole, type Commands } from '../command.ts'
import { duration } from '../inputs.ts'

const attempt = valued('<n>', 'expected.attempts', (given) => {
  if (!/^\d+(?:\.\.\d+)?$/.test(given)) return undefined
  const [from = 0, ...to] = given.split('..').map(Number)
  return to.length === 0 ? from : [from, ...to]
})

const times = valued('<count>', 'expected.times', (given) => {
  if (given === 'always') return given
  return /^\d+$/.test(given) ? Number(given) : undefined
})

const match = valued<Readonly<Record<string, string>>>(
  '<what=value>',
  'expected.match',
  (given, before = {}) => {
    const [, name = '', value] = /^(type|envelope|order-no|operation)=(.+)$/.exec(given) ?? []
    if (value === undefined) return undefined
    return { ...before, [name === 'order-no' ? 'orderNo' : name]: value }
  },
)

/** The fields of a rule. */
const RULE = {
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
} as const

const KINDS = Object.keys(ASPECTS)

export const commands: Commands = {
  'fault ls': command([], {}, async ({ control, output, texts }) => {
    const { data } = await control.get<{ data: FaultView[] }>('/faults')
    if (data.length === 0) output.note(texts('noFaults'))
    output.rows(data, ({ id, kind, fired, ...rule }) => {
      const fields = Object.entries(rule).map(([name, value]) => `${name}=${JSON.stringify(value)}`)
      return [id, kind, texts('firedTimes', { count: fired }), fields.join(' ')]
    })
  }),
  'fault add': command([{ name: '<kind>', choices: KINDS }], RULE, async (session, rule, kind) => {
    const { delay: delayMs, latency: latencyMs, chunkPause: chunkMs, retryAfter, ...rest } = rule
    const inMs = { delayMs, latencyMs, chunkMs, retryAfterSeconds: retryAfter }
    const added = await session.control.change<FaultView>('POST', '/faults', {
      kind,
      ...rest,
      ...inMs,
    })
    session.output.result(added, added.id)
  }),
  'fault rm': command(['<id>'], {}, async ({ control, output }, _options, id = '') => {
    output.result(await control.change<object>('DELETE', `/faults/${encodeURIComponent(id)}`), id)
  }),
  'fault clear': command([], {}, async ({ control, output }) => {
    const { removed } = await control.change<{ removed: number }>('DELETE', '/faults')
    output.result({ removed }, String(removed))
  }),
}
