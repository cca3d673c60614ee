import type { JournalBody } from '../events/journal.ts'
import type { ApiOperation } from '../faults/fault-kind.ts'

type RequestRecord = Extract<JournalBody, { readonly type: 'api.request' }>

/** A request of the API, with what was sent and answered. */
export interface LoggedRequest extends Omit<RequestRecord, 'type' | 'faults' | 'operation'> {
  /** On the sandbox's clock. */
  readonly atMs: number
  readonly faults: readonly string[]
  readonly operation: ApiOperation | undefined
  /** Without credentials. */
  readonly headers: Readonly<Record<string, string>>
  readonly body: KeptBody
  /** Undefined if there was no answer. */
  readonly response:
    | { readonly headers: Readonly<Record<string, string>>; readonly body: KeptBody }
    | undefined
}

/** The beginning of a body, and the length of the whole. */
export interface KeptBody {
  readonly beginning: Buffer
  readonly bytes: number
}

const MAX_BODY_BYTES = 64 * 1024
const MAX_REQUESTS = 1000
const MAX_TOTAL_BYTES = 16 * 1024 * 1024

/** A copy: a slice would keep the whole body in memory. */
export function keepBody(body: Uint8Array): KeptBody {
  return { beginning: Buffer.from(body.subarray(0, MAX_BODY_BYTES)), bytes: body.byteLength }
}

/** The latest requests of the API, oldest first: 1,000 at most, and 16 MiB of bodies. */
export class RequestLog {
  #requests = new Map<string, LoggedRequest>()
  #totalBytes = 0

  add(request: LoggedRequest): void {
    this.#requests.set(request.id, request)
    this.#totalBytes += sizeOf(request)
    for (const [id, oldest] of this.#requests) {
      if (this.#requests.size <= MAX_REQUESTS && this.#totalBytes <= MAX_TOTAL_BYTES) return
      this.#requests.delete(id)
      this.#totalBytes -= sizeOf(oldest)
    }
  }

  get size(): number {
    return this.#requests.size
  }

  find(id: string): LoggedRequest | undefined {
    return this.#requests.get(id)
  }

  /** Oldest first. */
  list(): readonly LoggedRequest[] {
    return [...this.#requests.values()]
  }

  clear(): void {
    this.#requests.clear()
    this.#totalBytes = 0
  }
}

function sizeOf({ body, response }: LoggedRequest): number {
  return body.beginning.length + (response?.body.beginning.length ?? 0)
}
