/** A promise that a test settles by hand: the test decides when time passes, not a timer. */
export interface Deferred<Value> {
  readonly promise: Promise<Value>
  resolve(value: Value): void
  reject(reason: unknown): void
}

export function deferred<Value = void>(): Deferred<Value> {
  let resolve!: (value: Value) => void
  let reject!: (reason: unknown) => void
  const promise = new Promise<Value>((settleWell, settleBadly) => {
    resolve = settleWell
    reject = settleBadly
  })
  return { promise, resolve, reject }
}
