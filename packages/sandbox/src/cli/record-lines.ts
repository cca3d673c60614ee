import type { JournalRecord } from '../engine/journal.ts'
import { formatDuration } from '../engine/duration.ts'
import type { Paint, Style } from './output.ts'
import { plainLine } from './plain-text.ts'

type RecordOf<Type extends JournalRecord['type']> = Extract<JournalRecord, { readonly type: Type }>

/** A line in pieces: a sign, what it is about, and what there is to say. */
interface Line {
  readonly sign: string
  readonly style?: Style
  readonly subject: string
  readonly says: readonly (string | undefined)[]
}

/** Record → line; those without one say nothing that another line does not. */
const LINES: {
  readonly [Type in JournalRecord['type']]?: (record: RecordOf<Type>) => Line
} = {
  'api.request': ({ method, path, status, ms, signature, reason, faults }) => ({
    sign: '·',
    style: status < 400 ? 'dim' : 'yellow',
    subject: `${method} ${path}`,
    says: [String(status), `${ms}ms`, `signature ${signature}`, quoted(reason), fired(faults)],
  }),
  'envelope.changed': ({ envelope, orderNo, status }) => ({
    sign: '·',
    style: 'dim',
    subject: envelope,
    says: [status, `order ${orderNo}`],
  }),
  'attempt.started': ({ event, eventType, n, of, kind, faults }) => ({
    sign: '→',
    subject: event,
    says: [eventType, kind === 'scheduled' ? `${n}/${of}` : kind, fired(faults)],
  }),
  'attempt.finished': ({ event, ok, status, ms, error, body, faults }) => ({
    sign: '←',
    style: ok ? 'green' : 'red',
    subject: event,
    says: [
      status === undefined ? undefined : String(status),
      `${ms}ms`,
      error,
      ok ? undefined : quoted(body),
      fired(faults),
    ],
  }),
  'retry.scheduled': ({ event, n, dueAt, clock }) => ({
    sign: '↻',
    style: 'yellow',
    subject: event,
    says: [`attempt ${n} in ${formatDuration(Date.parse(dueAt) - Date.parse(clock))}`],
  }),
  'event.delivered': ({ event, attempts }) => ({
    sign: '✓',
    style: 'green',
    subject: event,
    says: [attempts === 1 ? 'delivered' : `delivered after ${attempts} attempts`],
  }),
  'event.exhausted': ({ event, attempts }) => ({
    sign: '✗',
    style: 'red',
    subject: event,
    says: [`given up after ${attempts} attempts`],
  }),
  'clock.moved': ({ from, to }) => ({
    sign: '»',
    style: 'cyan',
    subject: 'clock',
    says: [`+${formatDuration(Date.parse(to) - Date.parse(from))}`],
  }),
  error: ({ message }) => ({ sign: '!', style: 'red', subject: 'sandbox', says: [message] }),
  reset: () => ({ sign: '·', style: 'dim', subject: 'sandbox', says: ['reset'] }),
}

export interface LineOptions {
  readonly tint: Paint
  /** Whether times need their day: on a clock that is moved. */
  readonly withDay: boolean
}

/** A record as a line for people; undefined for what other lines say already. */
export function writeRecord(record: JournalRecord, options: LineOptions): string | undefined {
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- the table's type says that each writer takes the records under its own name
  const write = LINES[record.type] as ((record: JournalRecord) => Line) | undefined
  if (write === undefined) return undefined
  const { sign, style, subject, says } = write(record)
  const { tint, withDay } = options
  const said = says.filter((piece) => piece !== undefined).map(plainLine)
  return [
    tint('dim', localTime(record.clock, withDay)),
    tint(style ?? 'bold', sign),
    plainLine(subject).padEnd(ID_LENGTH),
    ...said,
  ].join('  ')
}

/** Ids of events and envelopes are as long as this, so that what follows stands in one column. */
const ID_LENGTH = 28

/** The sandbox's time in the zone of whoever reads it. */
export function localTime(iso: string, withDay: boolean): string {
  const date = new Date(iso)
  const time = [date.getHours(), date.getMinutes(), date.getSeconds()].map(two).join(':')
  if (!withDay) return time
  return `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())} ${time}`
}

function two(count: number): string {
  return String(count).padStart(2, '0')
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
