import { InvalidArgumentError, type Command } from 'commander'
import { ASPECTS } from '../../faults/fault-kind.ts'
import type { FaultView } from '../../http/control/fault-routes.ts'
import { isRecord } from '../../is-record.ts'
import { numberParser, parseDuration } from '../inputs.ts'
import { alignColumns } from '../output.ts'
import type { OpenSession } from '../session.ts'

export function addFault(program: Command, open: OpenSession): void {
  const fault = program
    .command('fault')
    .description('let something go wrong: on its way to the app, or in the API')

  fault
    .command('ls', { isDefault: true })
    .description('the faults in force')
    .action(async () => {
      const { control, output } = open()
      const { data } = await control.get<{ data: FaultView[] }>('/faults')
      if (data.length === 0) output.note('No fault is in force.')
      const lines = alignColumns(data.map(rowOf))
      for (const [at, line] of lines.entries()) output.result(data[at] ?? {}, line)
    })
  addAdd(fault, open)
  fault
    .command('rm')
    .description('remove one')
    .argument('<id>', 'such as fault_1')
    .action(async (id: string) => {
      const { control, output } = open()
      const removed = await control.delete<object>(`/faults/${encodeURIComponent(id)}`)
      output.result(removed, id)
    })
  fault
    .command('clear')
    .description('remove all')
    .action(async () => {
      const { control, output } = open()
      const { removed } = await control.delete<{ removed: number }>('/faults')
      output.result({ removed }, String(removed))
    })
}

const parseNumber = numberParser(/^\d+(?:\.\d+)?$/, 'a number')

/** Options of `fault add` → their fields of a rule, what they do, and how they are read. */
const RULE_OPTIONS: readonly (readonly [
  flags: string,
  field: string,
  about: string,
  parse?: (text: string, before: unknown) => unknown,
])[] = [
  ['--attempt <n>', 'attempt', 'only on this attempt, or on a range: 1..3', parseAttempts],
  [
    '--times <count>',
    'times',
    'how often at most, or always (default: 1, or as many as --attempt has)',
    (text) => (text === 'always' ? text : parseNumber(text)),
  ],
  [
    '--match <what=value>',
    'match',
    'only if type, envelope, order-no or operation is this; may be repeated',
    parseMatch,
  ],
  ['--probability <p>', 'probability', 'above 0, up to 1; by the seed of the sandbox', parseNumber],
  ['--copies <count>', 'copies', 'duplicate: how many in all', parseNumber],
  ['--how <how>', 'how', 'duplicate: at-once or in-sequence'],
  ['--delay <duration>', 'delayMs', 'delay, reorder: how late', parseDuration],
  ['--chunk-bytes <count>', 'chunkBytes', 'slow-body: bytes at a time', parseNumber],
  ['--chunk-pause <duration>', 'chunkMs', 'slow-body: the time between', parseDuration],
  ['--status <status>', 'status', 'api-error: the HTTP status', parseNumber],
  ['--code <code>', 'code', 'api-error, channel-failure: the error code of Ping++'],
  ['--retry-after <seconds>', 'retryAfterSeconds', 'api-error: value of Retry-After', parseNumber],
  ['--latency <duration>', 'latencyMs', 'api-latency: how late', parseDuration],
  ['--committed', 'committed', 'channel-failure: the envelope was created'],
]

function addAdd(fault: Command, open: OpenSession): void {
  const add = fault
    .command('add')
    .description('add one; prints its id')
    .argument('<kind>', `one of ${Object.keys(ASPECTS).join(', ')}`)
  const fields = new Map<string, string>()
  for (const [flags, field, about, parse] of RULE_OPTIONS) {
    const option = add.createOption(flags, about)
    if (parse !== undefined) option.argParser(parse)
    add.addOption(option)
    fields.set(option.attributeName(), field)
  }
  add.action(async (kind: string, options: Readonly<Record<string, unknown>>) => {
    const { control, output } = open()
    const rule = Object.entries(options).map(([name, value]) => [fields.get(name), value])
    const body = { kind, ...Object.fromEntries(rule) }
    const added = await control.post<FaultView>('/faults', body)
    output.result(added, added.id)
  })
}

function parseMatch(text: string, before: unknown): object {
  const [, name = '', value] = /^(type|envelope|order-no|operation)=(.+)$/.exec(text) ?? []
  const earlier = isRecord(before) ? before : {}
  if (value !== undefined) return { ...earlier, [name === 'order-no' ? 'orderNo' : name]: value }
  throw new InvalidArgumentError(
    'Write type, envelope, order-no or operation, "=" and a value: type=red_envelope.sent.',
  )
}

function parseAttempts(text: string): number | [number, number] {
  const [, from, to] = /^(\d+)(?:\.\.(\d+))?$/.exec(text) ?? []
  if (from === undefined) throw new InvalidArgumentError('Write 2, or 1..3.')
  return to === undefined ? Number(from) : [Number(from), Number(to)]
}

function rowOf({ id, kind, fired, ...rule }: FaultView): string[] {
  const fields = Object.entries(rule).map(([name, value]) => `${name}=${JSON.stringify(value)}`)
  return [id, kind, `fired ${fired}×`, fields.join(' ')]
}
