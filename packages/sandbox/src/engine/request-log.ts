import type { JournalBody } from '../events/journal.ts'
import type { ApiOperation } from '../faults/fault-kind.ts'
import { maskKeys } from '../mask-keys.ts'

type RequestRecord = Extract<JournalBody, { readonly type: 'api.request' }>

/** A request of the API, with what was sent and answered. */
export interface LoggedRequest extends Omit<RequestRecord, 'type' | 'faults' | 'operation'> {
  readonly at: string
  readonly faults: readonly string[]
  readonly operation: ApiOperation | undefined
  /** Credentials and keys are masked. */
  readonly headers: Readonly<Record<string, string>>
  readonly body: BodyView
  /** null if there was no answer. */
  readonly response: {
    readonly headers: Readonly<Record<string, string>>
    readonly body: BodyView
  } | null
}

/** The first 64 KB of a body, decoded as UTF-8. */
export interface BodyView {
  readonly text: string
  /** Length of the whole body. */
  readonly bytes: number
  readonly truncated: boolean
}

const MAX_BODY_BYTES = 64 * 1024
const MAX_REQUESTS = 1000
const MAX_TOTAL_BYTES = 16 * 1024 * 1024

export function viewBody(body: Buffer): BodyView {
  const text = maskKeys(body.toString('utf8', 0, MAX_BODY_BYTES))
  return { text, bytes: body.length, truncated: body.length > MAX_BODY_BYTES }
}

/** The latest requests of the API, oldest first. */
export type RequestLog = Map<string, LoggedRequest>

/** Keeps 1,000 requests at most, and 16 MiB of bodies. */
export function logRequest(log: RequestLog, request: LoggedRequest): void {
  log.set(request.id, request)
  let bytes = [...log.values()].reduce((sum, each) => sum + sizeOf(each), 0)
  for (const [id, oldest] of log) {
    if (log.size <= MAX_REQUESTS && bytes <= MAX_TOTAL_BYTES) return
    log.delete(id)
    bytes -= sizeOf(oldest)
  }
}

function sizeOf({ body, response }: LoggedRequest): number {
  return body.text.length + (response?.body.text.length ?? 0)
}
