import type { JournalRecord } from '../../engine/journal.ts'
import type { Sandbox } from '../../sandbox.ts'

/**
 * - `sse`: server-sent events. `id` is the record's `seq`, so a browser resumes with `Last-Event-ID`.
 * - `ndjson`: one object per line. A blank line is a heartbeat.
 */
export type StreamFormat = 'sse' | 'ndjson'

export interface StreamOptions {
  /** Records after this one; the client has those before. */
  readonly afterSeq: number
  /** Records of this event alone. Default: all. */
  readonly event: string | undefined
  readonly format: StreamFormat
  /** Pause between signs of life. */
  readonly heartbeatMs: number
}

interface Format {
  readonly contentType: string
  write(record: JournalRecord): string
  /** What is sent at once, so that the client knows that it is connected. */
  readonly opening: string
  /** Keeps proxies from taking a quiet stream for a dead one. */
  readonly heartbeat: string
}

/** How records are written: one table. */
const FORMATS: Readonly<Record<StreamFormat, Format>> = {
  sse: {
    contentType: 'text/event-stream; charset=utf-8',
    write: (record) => `id: ${record.seq}\ndata: ${JSON.stringify(record)}\n\n`,
    opening: 'retry: 1000\n\n',
    heartbeat: ': heartbeat\n\n',
  },
  ndjson: {
    contentType: 'application/x-ndjson; charset=utf-8',
    write: (record) => `${JSON.stringify(record)}\n`,
    opening: '\n',
    heartbeat: '\n',
  },
}

/** Tells a format from anything else that somebody may ask for. */
export function isStreamFormat(format: string): format is StreamFormat {
  return Object.hasOwn(FORMATS, format)
}

/**
 * Streams what the journal keeps, and then what happens. The journal itself is the buffer: a client
 * that reads slowly holds nothing up, and finds a gap in `seq` where the journal has forgotten.
 */
export function streamRecords(sandbox: Sandbox, options: StreamOptions): Response {
  const { event, heartbeatMs } = options
  const format = FORMATS[options.format]
  const encoder = new TextEncoder()
  let cursor = options.afterSeq
  let wake: (() => void) | undefined
  let leave: (() => void) | undefined

  /** All that is new to the client; moves the cursor on. */
  function takeNews(): string {
    const records = sandbox.journal(cursor)
    cursor = records.at(-1)?.seq ?? cursor
    const wanted = event === undefined ? records : records.filter((each) => isAbout(each, event))
    return wanted.map((record) => format.write(record)).join('')
  }

  const body = new ReadableStream<Uint8Array>({
    start(controller) {
      const send = (text: string): void => controller.enqueue(encoder.encode(text))
      send(format.opening)
      const stopListening = sandbox.listen(() => wake?.())
      const heartbeat = setInterval(() => send(format.heartbeat), heartbeatMs).unref()
      leave = () => {
        stopListening()
        clearInterval(heartbeat)
      }
    },
    async pull(controller) {
      for (let news = takeNews(); ; news = takeNews()) {
        if (news !== '') return controller.enqueue(encoder.encode(news))
        // oxlint-disable-next-line no-await-in-loop -- until there is something to send
        await new Promise<void>((resolve) => (wake = resolve))
      }
    },
    cancel: () => leave?.(),
  })
  return new Response(body, { headers: { 'content-type': format.contentType } })
}

function isAbout(record: JournalRecord, event: string): boolean {
  return 'event' in record && record.event === event
}
