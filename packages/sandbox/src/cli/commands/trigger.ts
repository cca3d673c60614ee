import type { EventDetail, EventView } from '../../http/control/types.ts'
import { command, flag, initially, number, text, type Commands, type Session } from '../command.ts'
import { EXIT, usageError, type ExitStatus } from '../exit.ts'
import { changes } from '../inputs.ts'
import { writeRecord } from '../record-lines.ts'

const TRIGGER = {
  list: flag,
  envelope: text('<id>'),
  orderNo: text('<number>'),
  set: changes,
  times: initially(number('<count>', /^[1-9]\d{0,5}$/, 'expected.count'), 1),
  wait: flag,
} as const

export const commands: Commands = {
  trigger: command(
    ['[type]'],
    TRIGGER,
    async (session, { list, times, wait, envelope, orderNo, set = [] }, type) => {
      if (list) return listTypes(session)
      if (type === undefined) throw usageError('noType')
      if (envelope !== undefined && orderNo !== undefined) throw usageError('envelopeTwice')
      // The samples are loaded only for this.
      const { readChanges } = set.length === 0 ? {} : await import('../changes.ts')
      const body = { type, envelope: envelope ?? orderNo, object: readChanges?.(type, set) }
      let status: ExitStatus = EXIT.ok
      for (let made = 0; made < times; made += 1) {
        // oxlint-disable-next-line no-await-in-loop -- one after another
        if (!(await make(session, body, wait === true))) status = EXIT.undelivered
      }
      return status
    },
  ),
}

/** Resolves with whether the app received it, or true if that is not waited for. */
async function make(session: Session, body: object, isWaiting: boolean): Promise<boolean> {
  const { control, output, texts } = session
  const event = await control.change<EventView>('POST', '/trigger', body)
  const isSent = event.status !== 'undelivered'
  if (!isSent) output.warn(texts('keptUnsent'))
  const isReceived = !isWaiting || (isSent && (await waitForAnswer(session, event.id)))
  const shown = isWaiting ? await control.get<EventDetail>(`/events/${event.id}`) : event
  output.result(shown, event.id)
  return isReceived
}

/** Prints the first attempt as it happens; resolves with whether the app received it. */
async function waitForAnswer(session: Session, event: string): Promise<boolean> {
  const { control, output, texts } = session
  for await (const record of control.follow({ event })) {
    const line = writeRecord(record, { tint: output.tint, withDay: false, texts })
    if (line !== undefined) output.note(line)
    if (record.type === 'attempt.finished' && record.kind === 'scheduled') return record.ok
  }
  return false
}

/** All event types, without the red-envelope events that have no webhook. */
async function listTypes({ output }: Session): Promise<void> {
  const { WEBHOOK_TYPES } = await import('../changes.ts')
  for (const type of WEBHOOK_TYPES) output.result({ type }, type)
}
