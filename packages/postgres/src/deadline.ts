import { postgresError, type PostgresInboxErrorCode } from './errors.ts'

/** A time by `performance.now` at which a step must be over. */
export type Deadline = number

export function deadlineIn(ms: number): Deadline {
  return performance.now() + ms
}

/**
 * Resolves with the result of a step, or rejects with an error at the deadline. A client of your own may
 * return something else than a promise.
 */
export function before<Value>(
  deadline: Deadline,
  code: PostgresInboxErrorCode,
  step: Promise<Value>,
): Promise<Value> {
  const { promise, resolve, reject } = Promise.withResolvers<Value>()
  const cancel = expireAt(deadline, () => reject(postgresError(code)))
  void Promise.resolve(step).then(resolve, reject).then(cancel)
  return promise
}

/** Callers that wait for something, first come, first served. */
export type Queue<Value> = Set<PromiseWithResolvers<Value>>

/** Resolves with what the queue serves this caller, or rejects with an error at the deadline. */
export async function waitIn<Value>(
  queue: Queue<Value>,
  deadline: Deadline,
  expired: () => Error,
): Promise<Value> {
  const caller = Promise.withResolvers<Value>()
  const cancel = expireAt(deadline, () => {
    queue.delete(caller)
    caller.reject(expired())
  })
  queue.add(caller)
  try {
    return await caller.promise
  } finally {
    cancel()
  }
}

/** Takes the caller that has waited longest out of the queue. */
export function nextIn<Value>(queue: Queue<Value>): PromiseWithResolvers<Value> | undefined {
  const [next] = queue
  if (next !== undefined) queue.delete(next)
  return next
}

// One timer for all deadlines: hardly any expires, and with a timer for each an admission costs 4 to
// 6 % more. It is set for the earliest deadline; when it fires it is set for the next.
const expiring = new Set<{ readonly deadline: Deadline; readonly expire: () => void }>()
let timer: NodeJS.Timeout | undefined
let wakesAt = Infinity

/** Calls back at the deadline, unless it is cancelled before. */
export function expireAt(deadline: Deadline, expire: () => void): () => void {
  const entry = { deadline, expire }
  expiring.add(entry)
  if (deadline < wakesAt) wakeAt(deadline)
  return () => expiring.delete(entry)
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
  for (const entry of expiring) {
    if (entry.deadline > now) next = Math.min(next, entry.deadline)
    else if (expiring.delete(entry)) entry.expire()
  }
  if (next < wakesAt) wakeAt(next)
}
