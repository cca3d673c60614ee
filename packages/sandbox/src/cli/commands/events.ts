import { explainNoAnswer } from '../../delivery/post-error.ts'
import { EVENT_STATUSES } from '../../events/sandbox-event.ts'
import type {
  AttemptDetail,
  AttemptView,
  EventDetail,
  EventView,
  ListAnswer,
} from '../../http/control/types.ts'
import { alignColumns } from '../columns.ts'
import { choice, command, text, type Commands, type Session } from '../command.ts'
import { queryOf } from '../inputs.ts'
import { plainText } from '../output.ts'
import { localTime } from '../record-lines.ts'
import type { Texts } from '../texts/texts.ts'

const STYLES = {
  pending: 'yellow',
  delivered: 'green',
  exhausted: 'red',
  undelivered: 'dim',
} as const

const COLUMNS = ['id', 'type', 'status', 'attempts', 'order', 'envelope'] as const

const EVENTS_LS = {
  type: text('<type>'),
  status: choice('<status>', EVENT_STATUSES),
  envelope: text('<id>'),
  orderNo: text('<number>'),
  limit: text('<count>'),
} as const

export const commands: Commands = {
  'events ls': command([], EVENTS_LS, async ({ control, output, texts }, options) => {
    const { data } = await control.get<ListAnswer<EventView>>(`/events${queryOf(options)}`)
    if (data.length === 0) output.note(texts('noEvents'))
    output.rows(data, (event) => cellsOf(event, texts), {
      heading: COLUMNS.map((name) => texts(`heading.${name}`)),
      style: ({ status }) => STYLES[status],
    })
  }),
  'events show': command(['<id>'], {}, async (session, _options, id = '') => {
    const event = await session.control.get<EventDetail>(`/events/${encodeURIComponent(id)}`)
    session.output.result(event, describe(event, session))
  }),
  'events resend': command(['<id>'], {}, async ({ control, output }, _options, id = '') => {
    const event = await control.change<EventView>(
      'POST',
      `/events/${encodeURIComponent(id)}/resend`,
    )
    output.result(event, event.id)
  }),
}

function cellsOf(event: EventView, texts: Texts): readonly string[] {
  const { id, type, status, lastAttempt, attemptCount, orderNo, envelope } = event
  const attempts = lastAttempt === null ? '-' : `${attemptCount} (${answerOf(lastAttempt, texts)})`
  return [id, type, texts(`status.${status}`), attempts, orderNo ?? '-', envelope ?? '-']
}

function describe(event: EventDetail, { output, texts }: Session): string {
  const { id, type, status, orderNo, envelope, created, nextAttempt, signature } = event
  const facts = [
    [texts('heading.id'), id],
    [texts('heading.type'), type],
    [texts('heading.created'), localTime(created, true)],
    [texts('heading.status'), texts(`status.${status}`)],
    [texts('heading.order'), orderNo ?? '-'],
    [texts('heading.envelope'), envelope ?? '-'],
    [texts('heading.signature'), signature],
    ...(nextAttempt === null ? [] : [[texts('heading.next'), localTime(nextAttempt, true)]]),
  ]
  const attempts = event.attempts.map((attempt) => {
    const line = output.paint(attempt.ok ? 'green' : 'red', headOf(attempt, texts))
    const body = plainText(attempt.response?.body ?? '')
    return body === '' ? `\n${line}` : `\n${line}\n${body}`
  })
  return [...alignColumns(facts, output.columns), '', plainText(event.body), ...attempts].join('\n')
}

function headOf(attempt: AttemptDetail, texts: Texts): string {
  const { n, kind, started, ms, faults } = attempt
  const answer = answerOf(attempt, texts)
  return [n, texts(`kind.${kind}`), localTime(started, true), answer, `${ms}ms`, ...faults].join(
    '  ',
  )
}

function answerOf({ status, error, errorCode }: AttemptView, texts: Texts): string {
  if (status !== null) return String(status)
  if (error === null) return texts('noAnswer')
  return explainNoAnswer(errorCode ?? undefined, error, texts.language)
}
