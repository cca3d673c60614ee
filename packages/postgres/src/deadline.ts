import { postgresError, type PostgresInboxErrorCode } from './errors.ts'

/** A time by `performance.now` at which a step must be over. */
export type Deadline = number

export function deadlineIn(ms: number): Deadline {
  return performance.now() + ms
}

/**
 * Resolves with the result of the step, or rejects with an error at the deadline. A later result is
 * ignored. A step that throws rejects.
 */
export function before<Value>(
  deadline: Deadline,
  code: PostgresInboxErrorCode,
  step: () => Promise<Value>,
): Promise<Value> {
  return new Promise((resolve, reject) => {
    const cancel = expireAt(deadline, () => reject(postgresError(code)))
    function fail(error: unknown): void {
      cancel()
      reject(error)
    }
    try {
      step().then((value) => {
        cancel()
        resolve(value)
      }, fail)
    } catch (error) {
      fail(error)
    }
  })
}

interface Waiting {
  readonly deadline: Deadline
  readonly expire: () => void
}

// One timer for all deadlines: hardly any expires, and a timer for each made an event cost 3 % more.
// It is set for the earliest deadline; when it fires it is set for the next.
const waiting = new Set<Waiting>()
let timer: NodeJS.Timeout | undefined
let wakesAt = Infinity

/** Calls back at the deadline, unless it is cancelled before. */
export function expireAt(deadline: Deadline, expire: () => void): () => void {
  const entry = { deadline, expire }
  waiting.add(entry)
  if (deadline < wakesAt) wakeAt(deadline)
  return () => waiting.delete(entry)
}

function wakeAt(deadline: Deadline): void {
  clearTimeout(timer)
  wakesAt = deadline
  timer = setTimeout(expireDue, Math.max(0, deadline - performance.now())).unref()
}

function expireDue(): void {
  wakesAt = Infinity
  const now = performance.now()
  let next = Infinity
  for (const entry of waiting) {
    if (entry.deadline > now) next = Math.min(next, entry.deadline)
    else if (waiting.delete(entry)) entry.expire()
  }
  if (next < wakesAt) wakeAt(next)
}
