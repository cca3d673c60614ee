import { Option, type Command } from 'commander'
import type { EventDetail, EventView } from '../../http/control/event-view.ts'
import { alignColumns, type Output, type Style } from '../output.ts'
import { plainText } from '../plain-text.ts'
import { localTime } from '../record-lines.ts'
import type { OpenSession } from '../session.ts'

interface ListOptions {
  readonly type?: string
  readonly status?: string
  readonly envelope?: string
  readonly orderNo?: string
}

export function addEvents(program: Command, open: OpenSession): void {
  const events = program
    .command('events')
    .description('notifications, and the answers that they got')

  events
    .command('ls', { isDefault: true })
    .description('list them, oldest first')
    .option('--type <type>', 'of this type alone')
    .addOption(
      new Option('--status <status>', 'in this state alone').choices(Object.keys(STATUS_STYLES)),
    )
    .option('--envelope <id>', 'of this envelope alone')
    .option('--order-no <number>', 'of this order alone')
    .action(async (options: ListOptions) => {
      const { control, output } = open()
      const query = new URLSearchParams({ ...options }).toString()
      const { data } = await control.get<{ data: EventView[] }>(`/events?${query}`)
      list(output, data)
    })
  events
    .command('show')
    .description('everything about one, with its body and every answer of the app')
    .argument('<id>', 'its id, or last')
    .action(async (id: string) => {
      const { control, output } = open()
      const event = await control.get<EventDetail>(`/events/${encodeURIComponent(id)}`)
      output.result(event, describe(event, output))
    })
  events
    .command('resend')
    .description('send the same bytes once more, outside the schedule')
    .argument('<id>', 'its id, or last')
    .action(async (id: string) => {
      const { control, output } = open()
      const event = await control.post<EventView>(`/events/${encodeURIComponent(id)}/resend`)
      output.result(event, event.id)
    })
}

const STATUS_STYLES: Readonly<Record<EventView['status'], Style>> = {
  pending: 'yellow',
  delivered: 'green',
  exhausted: 'red',
  undelivered: 'dim',
}

function list(output: Output, events: readonly EventView[]): void {
  if (output.isJson) {
    for (const event of events) output.result(event, '')
    return
  }
  if (events.length === 0) output.note('There is no such event.')
  const rows = events.map((event) => [
    event.id,
    event.type,
    event.status,
    event.lastAttempt === null ? '-' : `${event.attemptCount} (${answerOf(event.lastAttempt)})`,
    event.orderNo ?? '-',
    event.envelope ?? '-',
  ])
  const heading = output.isRead && rows.length > 0 ? [HEADING] : []
  for (const [at, line] of alignColumns([...heading, ...rows]).entries()) {
    const event = events[at - heading.length]
    const style = event === undefined ? 'dim' : STATUS_STYLES[event.status]
    output.result({}, output.paint(style, line))
  }
}

const HEADING = ['ID', 'TYPE', 'STATUS', 'ATTEMPTS', 'ORDER', 'ENVELOPE']

function describe(event: EventDetail, { paint }: Output): string {
  const facts = alignColumns([
    ['id', event.id],
    ['type', event.type],
    ['created', localTime(event.created, true)],
    ['status', event.status],
    ['order', event.orderNo ?? '-'],
    ['envelope', event.envelope ?? '-'],
    ['signature', event.signature],
    ...(event.nextAttempt === null ? [] : [['next', localTime(event.nextAttempt, true)]]),
  ])
  const attempts = event.attempts.map((attempt) => {
    const { n, kind, started, ms, ok, faults, response } = attempt
    const head = [`${n}`, kind, localTime(started, true), answerOf(attempt), `${ms}ms`, ...faults]
    const body = response === null || response.body === '' ? '' : `\n${plainText(response.body)}`
    return `${paint(ok ? 'green' : 'red', head.join('  '))}${body}`
  })
  return [...facts, '', plainText(event.body), ...attempts.flatMap((text) => ['', text])].join('\n')
}

function answerOf({ status, error }: NonNullable<EventView['lastAttempt']>): string {
  return status === null ? (error ?? 'no answer') : String(status)
}
