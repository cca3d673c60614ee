import { formatDuration } from '../clock/duration.ts'
import { explainNoAnswer } from '../delivery/post-error.ts'
import type { JournalRecord } from '../events/journal.ts'
import { pad } from './columns.ts'
import { plainLine, type Paint, type Style } from './output.ts'
import type { Texts } from './texts/texts.ts'

type RecordOf<Type extends JournalRecord['type']> = Extract<JournalRecord, { readonly type: Type }>

type Line = readonly [sign: string, style: Style, ...pieces: (string | undefined)[]]

/** Record type → line; types without an entry repeat what another line shows. */
const LINES: {
  readonly [Type in JournalRecord['type']]?: (record: RecordOf<Type>, texts: Texts) => Line
} = {
  'api.request': ({ method, path, status, ms, signature, reason }, t) => [
    '·',
    status < 400 ? 'dim' : 'yellow',
    `${method} ${path}`,
    String(status),
    `${ms}ms`,
    t(`signature.${signature}`),
    quoted(reason),
  ],
  'envelope.changed': (r, t) => [
    '·',
    'dim',
    r.envelope,
    r.status,
    t('order', { orderNo: r.orderNo }),
  ],
  'event.undelivered': ({ event, eventType }, t) => ['○', 'yellow', event, eventType, t('kept')],
  'attempt.held': (record, t) => {
    const { event, eventType, dueAt, clock, untilAnother } = record
    const inTime = formatDuration(Date.parse(dueAt) - Date.parse(clock))
    const held = t(untilAnother ? 'heldUntilAnother' : 'held', { duration: inTime })
    return ['…', 'yellow', event, eventType, held]
  },
  'attempt.started': ({ event, eventType, n, of, kind }, t) => [
    '→',
    'bold',
    event,
    eventType,
    kind === 'scheduled' ? `${n}/${of}` : t(`kind.${kind}`),
  ],
  'attempt.finished': ({ event, ok, status, ms, error, errorCode, body }, t) => [
    '←',
    ok ? 'green' : 'red',
    event,
    status?.toString(),
    `${ms}ms`,
    error && explainNoAnswer(errorCode, error, t.language),
    ok ? undefined : quoted(body),
  ],
  'retry.scheduled': ({ event, n, dueAt, clock }, t) => {
    const inMs = Date.parse(dueAt) - Date.parse(clock)
    return ['↻', 'yellow', event, t('attemptIn', { n, duration: formatDuration(inMs) })]
  },
  'event.delivered': (r, t) => [
    '✓',
    'green',
    r.event,
    t(r.attempts === 1 ? 'delivered' : 'deliveredAfter', { attempts: r.attempts }),
  ],
  'event.exhausted': (r, t) => ['✗', 'red', r.event, t('exhausted', { attempts: r.attempts })],
  'retry.cancelled': ({ event, n }, t) => ['·', 'dim', event, t('attemptCancelled', { n })],
  'clock.moved': ({ from, to }, t) => {
    const ms = Date.parse(to) - Date.parse(from)
    const moved = ms < 0 ? `−${formatDuration(-ms)}` : `+${formatDuration(ms)}`
    return ['»', 'cyan', t('heading.clock'), moved]
  },
  'clock.speed': ({ speed }, t) => ['»', 'cyan', t('heading.clock'), writeSpeed(speed, t)],
  'target.changed': ({ target }, t) => ['·', 'cyan', t('heading.target'), target ?? t('noTarget')],
  error: ({ message }, t) => ['!', 'red', t('sandbox'), message],
  reset: (_record, t) => ['·', 'dim', t('sandbox'), t('wasReset')],
}

export interface LineOptions {
  readonly tint: Paint
  /** Whether times include the date: on a clock that can be moved. */
  readonly withDay: boolean
  readonly texts: Texts
}

/** A record as one line of text; undefined if another line shows the same. */
export function writeRecord(record: JournalRecord, options: LineOptions): string | undefined {
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- by the table's type, each writer takes the records of its own name
  const write = LINES[record.type] as ((record: JournalRecord, texts: Texts) => Line) | undefined
  const { tint, withDay, texts } = options
  if (write === undefined) return undefined
  const [sign, style, subject = '', ...rest] = write(record, texts)
  const faults = ('faults' in record ? record.faults : undefined) ?? []
  if (faults.length > 0) rest.push(texts('fault', { names: faults.join(', ') }))
  const pieces = rest.filter((piece) => piece !== undefined).map(plainLine)
  const time = tint('dim', localTime(record.clock, withDay))
  return [time, tint(style, sign), pad(plainLine(subject), ID_LENGTH), ...pieces].join('  ')
}

/** Length of ids of events and envelopes, so that the next column is aligned. */
const ID_LENGTH = 28

/** A time in the local time zone. */
export function localTime(time: string | number, withDay: boolean): string {
  // Sweden's format is that of ISO 8601.
  const [day, clock] = new Date(time).toLocaleString('sv-SE').split(' ')
  return withDay ? `${day} ${clock}` : `${clock}`
}

export function writeSpeed(speed: number, texts: Texts): string {
  if (speed === 1) return texts('speed.real')
  return speed === 0 ? texts('speed.virtual') : texts('speed.times', { speed })
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
