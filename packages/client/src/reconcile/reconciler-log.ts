import type { Logger } from '@hongbao/core'
import { callSafely, textOf } from '@hongbao/core/internal'
import type { ReconcilerReport } from './reconciler-report.ts'

export interface ReportLogOptions {
  readonly logger: Logger
  readonly now: () => number
  /** How long a thing that does not come again is remembered as told. */
  readonly memoryMs: number
}

/** Speaks of what somebody should look at in a report: a line for each kind, when there is news of it. */
export function createReportLog({
  logger,
  now,
  memoryMs,
}: ReportLogOptions): (report: ReconcilerReport, cause: unknown) => void {
  const toldMs = new Map<string, number>()

  function isNews(thing: string): boolean {
    const isNew = !toldMs.has(thing)
    toldMs.set(thing, now())
    return isNew
  }

  function forget(): void {
    for (const [thing, ms] of toldMs) {
      if (now() - ms > memoryMs) toldMs.delete(thing)
    }
  }

  function say(line: string): void {
    callSafely(() => logger.error(`[hongbao] reconciler: ${line}`))
  }

  return function log({ error, conflicts, overdue }, cause) {
    if (error !== null && error.code !== 'run-aborted') {
      say(`${error.code}: ${error.message}${textOf(cause)}`)
    }
    const contradictions = conflicts.filter(({ id, reason }) => isNews(`${reason} ${id}`))
    const late = overdue.filter(({ order_no }) => isNews(`overdue ${order_no}`))
    forget()
    const [conflict] = contradictions
    const [envelope] = late
    if (conflict !== undefined) {
      const first = `${conflict.id} (order_no ${conflict.order_no}): ${conflict.reason}`
      say(
        `not dispatched, because it contradicts what is known: ${first}${others(contradictions)}.`,
      )
    }
    if (envelope !== undefined) {
      const first = `order_no ${envelope.order_no} is ${envelope.status ?? 'in no list of Ping++'}`
      say(`three days after it was created, ${first}${others(late)}.`)
    }
  }
}

function others({ length }: readonly unknown[]): string {
  return length === 1 ? '' : `, and ${length - 1} more; see the report`
}
