/**
 * Waits for a promise of other code. After the timeout, returns or throws the result of `late`, and the
 * promise is ignored.
 */
export function withTimeout<Value>(
  timeoutMs: number,
  pending: Promise<Value>,
  late: () => Value,
): Promise<Value> {
  const { promise: timeIsUp, resolve } = Promise.withResolvers<void>()
  const timer = setTimeout(resolve, timeoutMs)
  return Promise.race([pending, timeIsUp.then(late)]).finally(() => clearTimeout(timer))
}
