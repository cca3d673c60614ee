import { InvalidArgumentError, type Command } from 'commander'
import type { FaultView } from '../../http/control/fault-routes.ts'
import { ASPECTS } from '../../faults/fault-aspect.ts'
import type { FaultMatch } from '../../faults/fault-kind.ts'
import { parseDuration } from '../parse-duration.ts'
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
    .description('end one')
    .argument('<id>', 'such as fault_1')
    .action(async (id: string) => {
      const { control, output } = open()
      const removed = await control.delete<object>(`/faults/${encodeURIComponent(id)}`)
      output.result(removed, id)
    })
  fault
    .command('clear')
    .description('end all')
    .action(async () => {
      const { control, output } = open()
      const { removed } = await control.delete<{ removed: number }>('/faults')
      output.result({ removed }, String(removed))
    })
}

function addAdd(fault: Command, open: OpenSession): void {
  fault
    .command('add')
    .description('add one; prints its id')
    .argument('<kind>', `one of ${Object.keys(ASPECTS).join(', ')}`)
    .option('--attempt <n>', 'on this attempt alone, or on a range of them: 1..3', parseAttempts)
    .option(
      '--times <count>',
      'how often at the most, or always (default: 1, or as many as --attempt has)',
      parseTimes,
    )
    .option('--match <what=value>', `only where ${MATCHES} is this; may be repeated`, parseMatch)
    .option('--probability <p>', 'above 0, up to 1; by the seed of the sandbox', parseNumber)
    .option('--copies <count>', 'duplicate: how many in all', parseNumber)
    .option('--how <how>', 'duplicate: at-once or in-sequence')
    .option('--delay <duration>', 'delay, reorder: how late', parseDuration)
    .option('--chunk-bytes <count>', 'slow-body: bytes at a time', parseNumber)
    .option('--chunk-pause <duration>', 'slow-body: the time between', parseDuration)
    .option('--status <status>', 'api-error: the HTTP status', parseNumber)
    .option('--code <code>', 'api-error, channel-failure: the error code of Ping++')
    .option('--retry-after <seconds>', 'api-error: value of Retry-After', parseNumber)
    .option('--latency <duration>', 'api-latency: how late', parseDuration)
    .option('--committed', 'channel-failure: the envelope was made all the same')
    .action(async (kind: string, options: Readonly<Record<string, unknown>>) => {
      const { control, output } = open()
      const rule = Object.entries(options).map(([name, value]) => [FIELDS[name] ?? name, value])
      const body = { kind, ...Object.fromEntries(rule) }
      const added = await control.post<FaultView>('/faults', body)
      output.result(added, added.id)
    })
}

/** Option → field of a rule, where the names differ: times have a unit of their own here. */
const FIELDS: Readonly<Record<string, string>> = {
  delay: 'delayMs',
  chunkPause: 'chunkMs',
  latency: 'latencyMs',
  retryAfter: 'retryAfterSeconds',
}

const MATCHES = 'type, envelope, order-no or operation'

const MATCH_FIELDS: Readonly<Record<string, keyof FaultMatch>> = {
  type: 'type',
  envelope: 'envelope',
  'order-no': 'orderNo',
  operation: 'operation',
}

function parseMatch(text: string, before: FaultMatch = {}): FaultMatch {
  const [, name = '', value = ''] = /^([\w-]+)=(.+)$/.exec(text) ?? []
  const field = MATCH_FIELDS[name]
  if (field !== undefined) return { ...before, [field]: value }
  throw new InvalidArgumentError(`Write ${MATCHES}, "=" and a value: type=red_envelope.sent.`)
}

function parseAttempts(text: string): number | [number, number] {
  const [, from, to] = /^(\d+)(?:\.\.(\d+))?$/.exec(text) ?? []
  if (from === undefined) throw new InvalidArgumentError('Write 2, or 1..3.')
  return to === undefined ? Number(from) : [Number(from), Number(to)]
}

function parseTimes(text: string): number | 'always' {
  return text === 'always' ? text : parseNumber(text)
}

function parseNumber(text: string): number {
  if (/^\d+(?:\.\d+)?$/.test(text)) return Number(text)
  throw new InvalidArgumentError('Write a number.')
}

function rowOf({ id, kind, fired, ...rule }: FaultView): string[] {
  const told = Object.entries(rule).map(([name, value]) => `${name}=${JSON.stringify(value)}`)
  return [id, kind, `fired ${fired}×`, told.join(' ')]
}
