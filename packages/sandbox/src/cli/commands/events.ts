import { explainNoAnswer } from '../../delivery/post-error.ts'
import { EVENT_STATUSES } from '../../events/sandbox-event.ts'
import type { EventDetail, EventView, ListAnswer } from '../../http/control/types.ts'
import { alignColumns } from '../columns.ts'
import { choice, command, text, type Group } from '../command.ts'
import { plainText, type Output, type Style } from '../output.ts'
import { localTime } from '../record-lines.ts'
import type { Session } from '../session.ts'
import type { Texts } from '../texts/texts.ts'

const STATUS_STYLES = {
  pending: 'yellow',
  delivered: 'green',
  exhausted: 'red',
  undelivered: 'dim',
} as const satisfies Readonly<Record<string, Style>>

export const events: Group = {
  commands: {
    ls: command({
      options: {
        type: text('<type>'),
        status: choice('<status>', EVENT_STATUSES),
        envelope: text('<id>'),
        orderNo: text('<number>'),
        limit: text('<count>'),
      },
      async run(session, options) {
        const query = new URLSearchParams()
        for (const [name, value] of Object.entries(options)) {
          if (value !== undefined) query.set(name, value)
        }
        const path = `/events?${query.toString()}`
        const { data } = await session.control.get<ListAnswer<EventView>>(path)
        list(session, data)
      },
    }),
    show: command({
      args: ['<id>'],
      async run({ control, output, texts }, _options, id = '') {
        const event = await control.get<EventDetail>(`/events/${encodeURIComponent(id)}`)
        output.result(event, describe(event, output, texts))
      },
    }),
    resend: command({
      args: ['<id>'],
      async run({ control, output }, _options, id = '') {
        const event = await control.post<EventView>(`/events/${encodeURIComponent(id)}/resend`)
        output.result(event, event.id)
      },
    }),
  },
}

const COLUMNS = ['id', 'type', 'status', 'attempts', 'order', 'envelope'] as const

function list({ output, texts }: Session, found: readonly EventView[]): void {
  if (output.isJson) {
    for (const event of found) output.result(event, '')
    return
  }
  if (found.length === 0) return output.note(texts('noEvents'))
  const rows = found.map(({ id, type, status, lastAttempt, attemptCount, orderNo, envelope }) => {
    const attempts =
      lastAttempt === null ? '-' : `${attemptCount} (${answerOf(lastAttempt, texts)})`
    return [id, type, texts(`status.${status}`), attempts, orderNo ?? '-', envelope ?? '-']
  })
  const heading = COLUMNS.map((name) => texts(`heading.${name}`))
  const [first = '', ...lines] = alignColumns([heading, ...rows], output.columns)
  if (output.isStdoutTerminal) output.result({}, output.paint('dim', first))
  for (const [at, line] of lines.entries()) {
    output.result({}, output.paint(STATUS_STYLES[found[at]?.status ?? 'pending'], line))
  }
}

function describe(event: EventDetail, { paint, columns }: Output, texts: Texts): string {
  const next = event.nextAttempt
  const facts = alignColumns(
    [
      [texts('heading.id'), event.id],
      [texts('heading.type'), event.type],
      [texts('heading.created'), localTime(event.created, true)],
      [texts('heading.status'), texts(`status.${event.status}`)],
      [texts('heading.order'), event.orderNo ?? '-'],
      [texts('heading.envelope'), event.envelope ?? '-'],
      [texts('heading.signature'), event.signature],
      ...(next === null ? [] : [[texts('heading.next'), localTime(next, true)]]),
    ],
    columns,
  )
  const attempts = event.attempts.map((attempt) => {
    const { n, kind, started, ms, ok, faults, response } = attempt
    const answer = answerOf(attempt, texts)
    const head = [
      `${n}`,
      texts(`kind.${kind}`),
      localTime(started, true),
      answer,
      `${ms}ms`,
      ...faults,
    ]
    const body = response === null || response.body === '' ? '' : `\n${plainText(response.body)}`
    return `${paint(ok ? 'green' : 'red', head.join('  '))}${body}`
  })
  return [...facts, '', plainText(event.body), ...attempts.flatMap((each) => ['', each])].join('\n')
}

function answerOf(
  { status, error, errorCode }: NonNullable<EventView['lastAttempt']>,
  texts: Texts,
): string {
  if (status !== null) return String(status)
  if (error === null) return texts('noAnswer')
  return explainNoAnswer(errorCode ?? undefined, error, texts.language)
}
