import type { EventDetail, EventView } from '../../http/control/types.ts'
import type { Change } from '../changes.ts'
import { command, flag, initially, number, text, type Command } from '../command.ts'
import { EXIT, usageError } from '../exit.ts'
import { changes } from '../inputs.ts'
import { writeRecord } from '../record-lines.ts'
import type { Session } from '../session.ts'

export const trigger: Command = command({
  args: ['[type]'],
  options: {
    list: flag,
    envelope: text('<id>'),
    orderNo: text('<number>'),
    set: changes,
    times: initially(number('<count>', /^[1-9]\d{0,5}$/, 'count'), 1),
    wait: flag,
  },
  async run(session, { list, times, wait, ...subject }, type) {
    if (list) return listTypes(session)
    if (type === undefined) throw usageError('noType')
    const body = await bodyOf(type, subject)
    for (let made = 0; made < times; made += 1) {
      // oxlint-disable-next-line no-await-in-loop -- one after another
      await make(session, body, wait === true)
    }
    return undefined
  },
})

async function make(session: Session, body: object, isWaiting: boolean): Promise<void> {
  const { control, output, texts } = session
  const event = await control.post<EventView>('/trigger', body)
  const isSent = event.status !== 'undelivered'
  if (!isSent) output.warn(texts('keptUnsent'))
  if (!isWaiting) return output.result(event, event.id)
  const isReceived = isSent && (await waitForAnswer(session, event))
  output.result(await control.get<EventDetail>(`/events/${event.id}`), event.id)
  if (!isReceived) session.endWith(EXIT.undelivered)
}

interface Subject {
  readonly envelope: string | undefined
  readonly orderNo: string | undefined
  readonly set: readonly Change[] | undefined
}

async function bodyOf(type: string, { envelope, orderNo, set = [] }: Subject): Promise<object> {
  if (envelope !== undefined && orderNo !== undefined) throw usageError('envelopeTwice')
  const subject = envelope ?? orderNo
  if (set.length === 0) return { type, envelope: subject }
  // The samples are loaded only for this.
  const { readChanges } = await import('../changes.ts')
  return { type, envelope: subject, object: readChanges(type, set) }
}

/** Prints the first attempt as it happens; resolves with whether the app received it. */
async function waitForAnswer(session: Session, event: EventView): Promise<boolean> {
  const { control, output, texts } = session
  for await (const record of control.follow({ event: event.id })) {
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
