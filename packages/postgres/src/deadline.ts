import { PostgresInboxError, type PostgresInboxErrorCode } from './errors.ts'

/** A moment at which a step must be over, by `performance.now`. */
export type Deadline = number

export function deadlineIn(ms: number): Deadline {
  return performance.now() + ms
}

/**
 * Gives what the step gives, or an error at the deadline. Whatever comes later is ignored. A step
 * that throws rejects.
 */
export function before<Value>(
  deadline: Deadline,
  code: PostgresInboxErrorCode,
  step: () => Promise<Value>,
): Promise<Value> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(
      () => reject(new PostgresInboxError(code)),
      Math.max(0, deadline - performance.now()),
    )
    function fail(error: unknown): void {
      clearTimeout(timer)
      reject(error)
    }
    try {
      step().then((value) => {
        clearTimeout(timer)
        resolve(value)
      }, fail)
    } catch (error) {
      fail(error)
    }
  })
}
