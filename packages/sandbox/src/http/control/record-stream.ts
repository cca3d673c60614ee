import type { Context } from 'hono'
import { invalidOption } from '../../errors.ts'
import { streamSSE } from 'hono/streaming'
import type { Journal } from '../../events/journal.ts'
import { readFields, anyText } from './fields.ts'
import type { ControlRecord } from './types.ts'

/**
 * Streams kept records and then new ones, as server-sent events. `id` is the record's boot and `seq`, so a
 * browser resumes with `Last-Event-ID`, and from the beginning if the sandbox was restarted. The journal is the buffer: a client that reads slowly delays
 * nothing, and finds a gap in `seq` if the journal has dropped records.
 */
export function streamRecords(c: Context, journal: Journal, heartbeatMs: number): Response {
  const query = readFields(c.req.query(), { event: anyText, after: anyText })
  const { event, after = c.req.header('last-event-id') ?? '0' } = query
  const first = readAfter(after, journal)

  return streamSSE(c, async (stream) => {
    let wake: (() => void) | undefined
    const stopListening = journal.listen(() => wake?.())
    stream.onAbort(() => {
      stopListening()
      wake?.()
    })
    await stream.write('retry: 1000\n\n')
    for (let seq = first; !stream.aborted;) {
      for (const record of journal.since(seq)) {
        seq = record.seq
        if (event !== undefined && !('event' in record && record.event === event)) continue
        // oxlint-disable-next-line no-await-in-loop -- one record after another
        await stream.writeSSE({
          id: `${journal.boot}.${seq}`,
          data: JSON.stringify(record satisfies ControlRecord),
        })
      }
      if (journal.since(seq).length > 0) continue
      // oxlint-disable-next-line no-await-in-loop -- until there is something to send
      const isNew = await new Promise<boolean>((resolve) => {
        const heartbeat = setTimeout(resolve, heartbeatMs, false).unref()
        wake = () => {
          clearTimeout(heartbeat)
          resolve(true)
        }
      })
      // oxlint-disable-next-line no-await-in-loop -- as above
      if (!isNew) await stream.write(': heartbeat\n\n')
    }
  })
}

/** The `seq` to go on after: 0 for one of another boot, or one that is still to come. */
function readAfter(after: string, { boot, seq }: Journal): number {
  const [, ofBoot = boot, digits] = /^(?:([\da-f]{8})\.)?(\d{1,15})$/.exec(after) ?? []
  if (digits === undefined) throw invalidOption('after', 'the `seq` of a record, or `boot.seq`')
  return ofBoot === boot && Number(digits) <= seq ? Number(digits) : 0
}
