import { InvalidArgumentError, type Command } from 'commander'
import { formatDuration } from '../../clock/duration.ts'
import type { ClockView } from '../../http/control/clock-routes.ts'
import { parseDuration } from '../inputs.ts'
import { localTime } from '../record-lines.ts'
import type { OpenSession, Session } from '../session.ts'

export function addClock(program: Command, open: OpenSession): void {
  const clock = program
    .command('clock')
    .description('look at the clock of the sandbox, and move it on')

  clock
    .command('now', { isDefault: true })
    .description('what time it is, and when the next thing is due')
    .action(async () => {
      const session = open()
      show(session, await session.control.get<ClockView>('/clock'))
    })
  clock
    .command('advance')
    .description('move on, and run all that is due on the way')
    .argument('<duration>', 'such as 90s, 2h, 25h', parseAdvance)
    // "-2h" is a wrong duration, not an option.
    .allowUnknownOption()
    .action(async (ms: number) => {
      const session = open()
      show(session, await session.control.post<ClockView>('/clock/advance', { ms }))
    })
  clock
    .command('next')
    .description('move on to the next thing that is due, and run it')
    .action(async () => {
      const session = open()
      const view = await session.control.post<ClockView & { moved: boolean }>('/clock/next')
      if (!view.moved) session.output.note('Nothing is scheduled; the clock stays.')
      show(session, view)
    })
  clock
    .command('drain')
    .description('move on until nothing is scheduled')
    .action(async () => {
      const session = open()
      const view = await session.control.post<ClockView & { ran: number }>('/clock/drain')
      session.output.note(view.ran === 1 ? '1 timer ran.' : `${view.ran} timers ran.`)
      show(session, view)
    })
}

function parseAdvance(text: string): number {
  if (!/^-\d/.test(text)) return parseDuration(text)
  throw new InvalidArgumentError(
    'The clock can only move forward. To go back to the present, start the sandbox again.',
  )
}

/** Only the time is the result; what is due is a note. */
function show({ output }: Session, view: ClockView): void {
  const { now, speed, pending, next } = view
  output.result(view, now)
  const aheadMs = Date.parse(now) - Date.now()
  if (aheadMs > TOLERATED_MS) output.warn(describeLead(Math.round(aheadMs / 1000) * 1000))
  if (output.isJson) return
  const kind = speed === 0 ? 'virtual' : speed === 1 ? 'real' : `×${speed}`
  const dueMs = next === null ? undefined : Math.max(0, Date.parse(next) - Date.parse(now))
  const more = pending > 1 ? `, ${pending - 1} more later` : ''
  const due =
    dueMs === undefined
      ? 'Nothing is scheduled.'
      : `The next timer is due in ${formatDuration(dueMs)}${more}.`
  output.note(`${localTime(now, true)} here, ${kind} clock. ${due}`)
}

/** From here on `createWebhooks` refuses events as ones from the future. */
const TOLERATED_MS = 3_600_000

function describeLead(leadMs: number): string {
  return (
    `The sandbox is ${formatDuration(leadMs)} ahead of this machine, so an app that uses the machine's clock refuses its events (403, event-from-future). ` +
    `Give the app the sandbox's: createWebhooks({ now: sandbox.clock.now }), or in another process { now: () => Date.now() + ${leadMs} }. ` +
    'The clock can only move forward: to undo it, start the sandbox again; it keeps its keys.'
  )
}
