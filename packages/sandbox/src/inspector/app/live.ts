import type { ControlRecord } from '../../http/control/types.ts'
import { openStream } from './api.ts'

export interface LiveOptions {
  /** `boot.seq` of the last record that is known. */
  readonly after: () => string
  readonly onOpen: () => void
  readonly onRecord: (record: ControlRecord) => void
  /** The connection was lost; it is opened again a second later. */
  readonly onLost: () => void
}

const RETRY_MS = 1000

/** Three heartbeats (15 s each): a connection that is silent for longer is lost. */
const SILENCE_MS = 45_000

/** Follows the records of the sandbox for as long as the page is open. */
export async function follow(options: LiveOptions): Promise<never> {
  for (;;) {
    // oxlint-disable-next-line no-await-in-loop -- one connection after another
    await followOnce(options).catch(() => {})
    options.onLost()
    // oxlint-disable-next-line no-await-in-loop -- as above
    await new Promise((resolve) => setTimeout(resolve, RETRY_MS))
  }
}

async function followOnce({ after, onOpen, onRecord }: LiveOptions): Promise<void> {
  const connection = new AbortController()
  const abort = () => connection.abort()
  const stream = await openStream(after(), connection.signal)
  onOpen()
  const reader = stream.pipeThrough(new TextDecoderStream()).getReader()
  let rest = ''
  for (;;) {
    const deadline = setTimeout(abort, SILENCE_MS)
    // oxlint-disable-next-line no-await-in-loop -- one piece after another
    const { value, done } = await reader.read().finally(() => clearTimeout(deadline))
    if (done) return
    const lines = (rest + value).split('\n')
    rest = lines.pop() ?? ''
    for (const line of lines) readLine(line, onRecord)
  }
}

/** Comments are heartbeats; `id` stands in the record too. */
function readLine(line: string, onRecord: LiveOptions['onRecord']): void {
  if (line.startsWith('data:')) onRecord(JSON.parse(line.slice(5)))
}
