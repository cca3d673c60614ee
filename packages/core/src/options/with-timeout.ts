/**
 * Waits for somebody else's promise. When it takes longer, the answer is what `late` gives or
 * throws, and what the promise comes to is ignored.
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
