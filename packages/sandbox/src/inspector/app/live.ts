import type { ControlRecord } from '../../http/control/types.ts'
import { openStream } from './api.ts'

export interface LiveOptions {
  /** `boot.seq` of the last record that is known. */
  readonly after: () => string
  readonly onOpen: () => void
  readonly onRecord: (record: ControlRecord) => void
  /** The connection was lost, or refused; it is opened again a second later. */
  readonly onLost: (error: unknown) => void
}

const RETRY_MS = 1000

/** Three heartbeats (15 s each): a connection that is silent for longer is lost. */
const SILENCE_MS = 45_000

/**
 * Follows the records of the sandbox while the page can be seen. A hidden tab closes its stream: browsers
 * open six connections to a host at most, so the streams of six tabs would leave none for a seventh.
 */
export async function follow(options: LiveOptions): Promise<never> {
  for (;;) {
    /* oxlint-disable no-await-in-loop -- one connection after another */
    if (document.hidden) await visibilityChange()
    const error = await followOnce(options).catch((cause: unknown) => cause)
    if (document.hidden) continue
    options.onLost(error)
    await new Promise((resolve) => setTimeout(resolve, RETRY_MS))
    /* oxlint-enable no-await-in-loop */
  }
}

function visibilityChange(): Promise<unknown> {
  return new Promise((resolve) =>
    document.addEventListener('visibilitychange', resolve, { once: true }),
  )
}

async function followOnce({ after, onOpen, onRecord }: LiveOptions): Promise<void> {
  const connection = new AbortController()
  const { signal } = connection
  const abort = () => connection.abort()
  document.addEventListener('visibilitychange', abort, { signal })
  try {
    const stream = await openStream(after(), signal)
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
  } finally {
    abort()
  }
}

/** Comments are heartbeats; `id` stands in the record too. */
function readLine(line: string, onRecord: LiveOptions['onRecord']): void {
  if (line.startsWith('data:')) onRecord(JSON.parse(line.slice(5)))
}
