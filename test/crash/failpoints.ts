import type { Journal } from './journal.ts'
import type { Order, Point } from './points.ts'

/** The named points of an app process, at which it can be made to end or halt itself. */
export interface Failpoints {
  /** The process has come to this point. */
  pass(point: Point): void
  arm(order: Order): void
}

export function createFailpoints(journal: Journal): Failpoints {
  let armed: Order | undefined
  let passed = 0

  function pass(point: Point): void {
    if (armed?.point !== point || Date.now() > armed.untilMs) return
    passed += 1
    if (passed <= armed.skip) return
    const { signal } = armed
    armed = undefined
    journal.signalled({ signal, point })
    process.kill(process.pid, signal)
  }

  function arm(order: Order): void {
    armed = order
    passed = 0
  }

  return { pass, arm }
}
