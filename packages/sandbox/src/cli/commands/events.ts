import { Option, type Command } from 'commander'
import type { EventDetail, EventView } from '../../http/control/event-view.ts'
import { alignColumns, plainText, type Output, type Style } from '../output.ts'
import { localTime } from '../record-lines.ts'
import type { OpenSession } from '../session.ts'

export function addEvents(program: Command, open: OpenSession): void {
  const events = program
    .command('events')
    .description('notifications, and the answers that they got')

  events
    .command('ls', { isDefault: true })
    .description('list them, oldest first')
    .option('--type <type>', 'only of this type')
    .addOption(
      new Option('--status <status>', 'only in this state').choices(Object.keys(STATUS_STYLES)),
    )
    .option('--envelope <id>', 'only of this envelope')
    .option('--order-no <number>', 'only of this order')
    .action(async (options: Record<string, string>) => {
      const { control, output } = open()
      const query = new URLSearchParams(options).toString()
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

export function addEnvelopes(program: Command, open: OpenSession): void {
  program
    .command('envelopes')
    .description('the red envelopes')
    .command('move')
    .description('change the status of an envelope: sent, received, failed, refunding, refund')
    .argument('<envelope>', 'its id or order number')
    .argument('<status>', 'its new status')
    .action(async (envelope: string, status: string) => {
      const { control, output } = open()
      const path = `/envelopes/${encodeURIComponent(envelope)}/move`
      const moved = await control.post<{ id: string; status: string }>(path, { status })
      output.result(moved, `${moved.id}  ${moved.status}`)
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
  if (events.length === 0) return output.note('There is no such event.')
  const rows = events.map(({ id, type, status, lastAttempt, attemptCount, orderNo, envelope }) => {
    const attempts = lastAttempt === null ? '-' : `${attemptCount} (${answerOf(lastAttempt)})`
    return [id, type, status, attempts, orderNo ?? '-', envelope ?? '-']
  })
  const [heading = '', ...lines] = alignColumns([HEADING, ...rows])
  if (output.isStdoutTerminal) output.result({}, output.paint('dim', heading))
  for (const [at, line] of lines.entries()) {
    output.result({}, output.paint(STATUS_STYLES[events[at]?.status ?? 'pending'], line))
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
