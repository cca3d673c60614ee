import { formatDuration } from '../../clock/duration.ts'
import type { ClockView } from '../../http/control/types.ts'
import { command, flag, wrongValue, type Commands, type Session } from '../command.ts'
import { usageError } from '../exit.ts'
import { duration } from '../inputs.ts'
import { localTime, writeSpeed } from '../record-lines.ts'

export const commands: Commands = {
  'clock now': command([], {}, async (session) => {
    show(session, await session.control.get<ClockView>('/clock'))
  }),
  'clock advance': command(['<duration>'], {}, async (session, _options, given = '') => {
    if (/^-\d/.test(given)) throw usageError('onlyForward')
    const ms = duration.read?.(given, undefined)
    if (ms === undefined) throw wrongValue('<duration>', given, 'expected.duration')
    show(session, await session.control.change<ClockView>('POST', '/clock/advance', { ms }))
  }),
  'clock next': command([], { any: flag }, async (session, { any }) => {
    const { control, output, texts } = session
    const body = any ? { kind: 'any' } : {}
    const view = await control.change<ClockView & { moved: boolean }>('POST', '/clock/next', body)
    if (!view.moved) output.note(texts(any ? 'nothingScheduled' : 'noDelivery'))
    show(session, view)
  }),
  'clock drain': command([], {}, async (session) => {
    const { control, output, texts } = session
    const view = await control.change<ClockView & { ran: number }>('POST', '/clock/drain')
    output.note(texts(view.ran === 1 ? 'timerRan' : 'timersRan', { count: view.ran }))
    show(session, view)
  }),
}

/** From here on `createWebhooks` refuses events as ones from the future. */
const TOLERATED_MS = 3_600_000

/** Only the time is the result; what is due is a note. */
function show({ output, texts }: Session, view: ClockView): void {
  const { now, speed, next, nextKind, pendingDeliveries, nextDelivery } = view
  output.result(view, now)
  const leadMs = Math.round((Date.parse(now) - Date.now()) / 1000) * 1000
  if (leadMs > TOLERATED_MS) {
    output.warn(texts('clockAhead', { lead: formatDuration(leadMs), leadMs }))
  }
  if (output.isJson) return
  const inTime = (time: string): string =>
    formatDuration(Math.max(0, Date.parse(time) - Date.parse(now)))
  output.note(texts('clockNow', { time: localTime(now, true), speed: writeSpeed(speed, texts) }))
  if (next === null) return output.note(texts('nothingScheduled'))
  if (nextDelivery === null) output.note(texts('noDelivery'))
  else {
    const about = { duration: inTime(nextDelivery), more: pendingDeliveries - 1 }
    output.note(texts(about.more > 0 ? 'nextOfSeveral' : 'nextDelivery', about))
  }
  if (nextKind === 'envelope') output.note(texts('nextOther', { duration: inTime(next) }))
}
