import { PostgresInboxError, type PostgresInboxErrorCode } from './errors.ts'

/** A moment at which a step must be over, by `performance.now`. */
export type Deadline = number

export function deadlineIn(ms: number): Deadline {
  return performance.now() + ms
}

/** Gives what the promise gives, or an error at the deadline. Whatever comes later is ignored. */
export function before<Value>(
  deadline: Deadline,
  promise: Promise<Value>,
  code: PostgresInboxErrorCode,
): Promise<Value> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(
      () => reject(new PostgresInboxError(code)),
      Math.max(0, deadline - performance.now()),
    )
    void promise.then(resolve, reject).then(() => clearTimeout(timer))
  })
}
