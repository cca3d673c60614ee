import { isEventType } from '@hongbao/core'
import type { Command } from 'commander'
import type { EventDetail, EventView } from '../../http/control/event-view.ts'
import { EVENT_TYPES } from '../../events/event-types.ts'
import { webhookStatusOf } from '../../engine/trigger.ts'
import { parseChange, readChanges, type Change } from '../changes.ts'
import { EXIT, usageError } from '../exit.ts'
import { numberParser } from '../inputs.ts'
import { writeRecord } from '../record-lines.ts'
import type { OpenSession, Session } from '../session.ts'

interface TriggerOptions {
  readonly list?: true
  readonly envelope?: string
  readonly orderNo?: string
  readonly set?: readonly Change[]
  readonly times: number
  readonly wait?: true
}

export function addTrigger(program: Command, open: OpenSession): void {
  program
    .command('trigger')
    .description('make a notification and send it; prints its id')
    .argument('[type]', 'such as red_envelope.sent')
    .option('--list', 'the types there are')
    .option('--envelope <id>', 'tell of this envelope; by default of a new one')
    .option('--order-no <number>', 'tell of the envelope with this order number')
    .option('--set <path=value>', 'change a field of data.object; may be repeated', parseChange)
    .option('--times <count>', 'how many to make, one after another', parseTimes, 1)
    .option('--wait', 'until the app has answered; the exit status says whether with 2xx')
    .action(async (type: string | undefined, options: TriggerOptions) => {
      const session = open()
      if (options.list) return listTypes(session)
      if (type === undefined) throw usageError('Give an event type. All of them: trigger --list')
      return trigger(session, type, options)
    })
}

async function trigger(session: Session, type: string, options: TriggerOptions): Promise<void> {
  const { control, output } = session
  const body = bodyOf(type, options)
  for (let made = 0; made < options.times; made += 1) {
    /* oxlint-disable no-await-in-loop -- one after another */
    const event = await control.post<EventView>('/trigger', body)
    if (event.status === 'undelivered') output.warn(NO_TARGET)
    if (options.wait !== true) {
      output.result(event, event.id)
      continue
    }
    const isReceived = event.status !== 'undelivered' && (await waitForAnswer(session, event))
    output.result(await control.get<EventDetail>(`/events/${event.id}`), event.id)
    if (!isReceived) session.endWith(EXIT.undelivered)
    /* oxlint-enable no-await-in-loop */
  }
}

function bodyOf(type: string, { envelope, orderNo, set = [] }: TriggerOptions): object {
  if (envelope !== undefined && orderNo !== undefined) {
    throw usageError('Give --envelope or --order-no, not both.')
  }
  const subject = envelope ?? orderNo
  // The sandbox refuses an unknown type, and suggests another.
  if (set.length === 0 || !isEventType(type)) return { type, envelope: subject }
  return { type, envelope: subject, object: readChanges(type, set) }
}

/** Prints the first attempt as it happens; resolves with whether the app received it. */
async function waitForAnswer({ control, output }: Session, event: EventView): Promise<boolean> {
  for await (const record of control.follow(event.id)) {
    const line = writeRecord(record, { tint: output.tint, withDay: false })
    if (line !== undefined) output.note(line)
    if (record.type === 'attempt.finished' && record.kind === 'scheduled') return record.ok
  }
  return false
}

const NO_TARGET =
  'There is no target, so it was not sent. Start the sandbox with --target http://localhost:3000/webhooks.'

/** All event types, without the red-envelope events that have no webhook. */
function listTypes({ output }: Session): void {
  for (const type of EVENT_TYPES) {
    const hasWebhook = !type.startsWith('red_envelope.') || webhookStatusOf(type) !== undefined
    if (hasWebhook) output.result({ type }, type)
  }
}

const parseTimes = numberParser(/^[1-9]\d{0,5}$/, 'a whole number from 1 to 999,999')
