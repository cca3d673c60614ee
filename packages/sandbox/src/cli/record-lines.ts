import { formatDuration } from '../clock/duration.ts'
import type { JournalRecord } from '../events/journal.ts'
import { plainLine, type Paint, type Style } from './output.ts'

type RecordOf<Type extends JournalRecord['type']> = Extract<JournalRecord, { readonly type: Type }>

type Line = readonly [sign: string, style: Style, ...pieces: (string | undefined)[]]

/** Record type → line; types without an entry repeat what another line shows. */
const LINES: {
  readonly [Type in JournalRecord['type']]?: (record: RecordOf<Type>) => Line
} = {
  'api.request': ({ method, path, status, ms, signature, reason, faults }) => [
    '·',
    status < 400 ? 'dim' : 'yellow',
    `${method} ${path}`,
    String(status),
    `${ms}ms`,
    `signature ${signature}`,
    quoted(reason),
    fired(faults),
  ],
  'envelope.changed': (r) => ['·', 'dim', r.envelope, r.status, `order ${r.orderNo}`],
  'attempt.started': ({ event, eventType, n, of, kind, faults }) => [
    '→',
    'bold',
    event,
    eventType,
    kind === 'scheduled' ? `${n}/${of}` : kind,
    fired(faults),
  ],
  'attempt.finished': ({ event, ok, status, ms, error, body, faults }) => [
    '←',
    ok ? 'green' : 'red',
    event,
    status?.toString(),
    `${ms}ms`,
    error,
    ok ? undefined : quoted(body),
    fired(faults),
  ],
  'retry.scheduled': ({ event, n, dueAt, clock }) => {
    const inMs = Date.parse(dueAt) - Date.parse(clock)
    return ['↻', 'yellow', event, `attempt ${n} in ${formatDuration(inMs)}`]
  },
  'event.delivered': ({ event, attempts }) => {
    const after = attempts === 1 ? '' : ` after ${attempts} attempts`
    return ['✓', 'green', event, `delivered${after}`]
  },
  'event.exhausted': (r) => ['✗', 'red', r.event, `given up after ${r.attempts} attempts`],
  'clock.moved': ({ from, to }) => {
    return ['»', 'cyan', 'clock', `+${formatDuration(Date.parse(to) - Date.parse(from))}`]
  },
  error: ({ message }) => ['!', 'red', 'sandbox', message],
  reset: () => ['·', 'dim', 'sandbox', 'reset'],
}

export interface LineOptions {
  readonly tint: Paint
  /** Whether times include the date: on a clock that can be moved. */
  readonly withDay: boolean
}

/** A record as one line of text; undefined if another line shows the same. */
export function writeRecord(record: JournalRecord, options: LineOptions): string | undefined {
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- by the table's type, each writer takes the records of its own name
  const write = LINES[record.type] as ((record: JournalRecord) => Line) | undefined
  if (write === undefined) return undefined
  const { tint, withDay } = options
  const [sign, style, subject = '', ...rest] = write(record)
  const pieces = rest.filter((piece) => piece !== undefined).map(plainLine)
  const time = tint('dim', localTime(record.clock, withDay))
  return [time, tint(style, sign), plainLine(subject).padEnd(ID_LENGTH), ...pieces].join('  ')
}

/** Length of ids of events and envelopes, so that the next column is aligned. */
const ID_LENGTH = 28

/** A time in the local time zone. */
export function localTime(time: string | number, withDay: boolean): string {
  // Sweden's format is that of ISO 8601.
  const [day, clock] = new Date(time).toLocaleString('sv-SE').split(' ')
  return withDay ? `${day} ${clock}` : `${clock}`
}

function fired(faults: readonly string[] | undefined): string | undefined {
  return faults === undefined || faults.length === 0 ? undefined : `fault: ${faults.join(', ')}`
}

const MAX_QUOTED_CHARACTERS = 80

/** The beginning of what an app answered. */
function quoted(given: string | undefined): string | undefined {
  const text = given?.trim() ?? ''
  if (text === '') return undefined
  const beginning = [...new Intl.Segmenter().segment(text)].slice(0, MAX_QUOTED_CHARACTERS)
  const shown = beginning.map(({ segment }) => segment).join('')
  return shown.length < text.length ? `“${shown}…”` : `“${text}”`
}
