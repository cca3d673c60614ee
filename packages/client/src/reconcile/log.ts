import type { Logger } from '@hongbao/core'
import { callSafely, textOf } from '@hongbao/core/internal'
import type { ReconcilerReport } from './reconciler-report.ts'

export interface ReportLogOptions {
  readonly logger: Logger
  readonly now: () => number
  /** How long a line is not repeated after its subject was last in a report. */
  readonly memoryMs: number
}

/** Logs the conflicts and overdue envelopes of reports: one line for each kind, if some are new. */
export function createReportLog({
  logger,
  now,
  memoryMs,
}: ReportLogOptions): (report: ReconcilerReport, cause: unknown) => void {
  const reportedMs = new Map<string, number>()

  function isNew(subject: string): boolean {
    const isKnown = reportedMs.has(subject)
    reportedMs.set(subject, now())
    return !isKnown
  }

  function log(line: string): void {
    callSafely(() => logger.error(`[hongbao] reconciler: ${line}`))
  }

  return function logReport({ error, conflicts, overdue }, cause) {
    if (error !== null && error.code !== 'run-aborted') {
      log(`${error.code}: ${error.message}${textOf(cause)}`)
    }
    const newConflicts = conflicts.filter(({ id, reason }) => isNew(`${reason} ${id}`))
    const newOverdue = overdue.filter(({ order_no }) => isNew(`overdue ${order_no}`))
    for (const [subject, ms] of reportedMs) if (now() - ms > memoryMs) reportedMs.delete(subject)
    for (const { id, order_no, reason } of newConflicts.slice(0, 1)) {
      const first = `${id} (order_no ${order_no}): ${reason}`
      log(`not dispatched, because it contradicts what is known: ${first}${others(newConflicts)}.`)
    }
    for (const { order_no, status } of newOverdue.slice(0, 1)) {
      const first = `order_no ${order_no} is ${status ?? 'in no list of Ping++'}`
      log(`three days after it was created, ${first}${others(newOverdue)}.`)
    }
  }
}

function others({ length }: readonly unknown[]): string {
  return length === 1 ? '' : `, and ${length - 1} more; see the report`
}
