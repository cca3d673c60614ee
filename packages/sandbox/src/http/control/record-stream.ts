import type { Context } from 'hono'
import { streamSSE } from 'hono/streaming'
import type { Sandbox } from '../../sandbox.ts'
import { invalidField, refuseUnknown } from './fields.ts'

/**
 * Streams kept records and then new ones, as server-sent events. `id` is the record's `seq`, so a
 * browser resumes with `Last-Event-ID`. The journal is the buffer: a client that reads slowly delays
 * nothing, and finds a gap in `seq` if the journal has dropped records.
 */
export function streamRecords(c: Context, sandbox: Sandbox, heartbeatMs: number): Response {
  const query = c.req.query()
  refuseUnknown(query, ['event', 'after'])
  const { event, after = c.req.header('last-event-id') ?? '0' } = query
  if (!/^\d{1,15}$/.test(after)) throw invalidField('after', 'the `seq` of a record')

  return streamSSE(c, async (stream) => {
    let wake: (() => void) | undefined
    const stopListening = sandbox.listen(() => wake?.())
    stream.onAbort(() => {
      stopListening()
      wake?.()
    })
    await stream.write('retry: 1000\n\n')
    for (let seq = Number(after); !stream.aborted;) {
      for (const record of sandbox.journal(seq)) {
        seq = record.seq
        if (event !== undefined && !('event' in record && record.event === event)) continue
        // oxlint-disable-next-line no-await-in-loop -- one record after another
        await stream.writeSSE({ id: String(seq), data: JSON.stringify(record) })
      }
      if (sandbox.journal(seq).length > 0) continue
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
