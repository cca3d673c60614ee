import type { Command } from 'commander'
import type { ClockView } from '../../control/clock-routes.ts'
import { formatDuration, parseDuration } from '../duration.ts'
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
    .argument('<duration>', 'such as 90s, 2h, 25h', parseDuration)
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

/** The time alone is the result; what is ahead is said beside it. */
function show({ output }: Session, view: ClockView): void {
  output.result(view, view.now)
  if (output.isJson) return
  const speed = view.speed === 0 ? 'virtual' : view.speed === 1 ? 'real' : `×${view.speed}`
  output.note(`${localTime(view.now, true)} here, ${speed} clock. ${ahead(view)}`)
}

function ahead({ now, pending, next }: ClockView): string {
  if (next === null) return 'Nothing is scheduled.'
  const left = formatDuration(Math.max(0, Date.parse(next) - Date.parse(now)))
  return `Next in ${left}${pending === 1 ? '' : `, ${pending - 1} more later`}.`
}
