import { logLine, originFields, textOf } from '@hongbao/core/internal'
import type { LogFields } from '@hongbao/core'
import type { ReconcilerSettings } from './reconciler-options.ts'
import type { ReconcilerReport } from './reconciler-report.ts'

/**
 * Logs failed runs, and for conflicts and for overdue envelopes one line each, if some are new: not in a
 * report for `memoryMs`.
 */
export function createReportLog(
  { logger, now }: Pick<ReconcilerSettings, 'logger' | 'now'>,
  memoryMs: number,
): (report: ReconcilerReport, cause: unknown) => void {
  const reportedMs = new Map<string, number>()

  return function logReport({ error, conflicts, overdue }, cause) {
    if (error !== null && error.code !== 'run-aborted') {
      const fields = { code: error.code, ...originFields(cause) }
      log(`${error.code}: ${error.message}${textOf(cause)}`, fields)
    }
    logNew(
      'reconciler-conflict',
      'not dispatched, because it contradicts what is known: ',
      conflicts.map(({ id, order_no, reason }) => `${id} (order_no ${order_no}): ${reason}`),
    )
    logNew(
      'reconciler-overdue',
      'three days after it was created, order_no ',
      overdue.map(({ order_no, status }) => `${order_no} is ${status ?? 'in no list of Ping++'}`),
    )
    for (const [item, ms] of reportedMs) if (now() - ms > memoryMs) reportedMs.delete(item)
  }

  function logNew(code: string, intro: string, items: readonly string[]): void {
    // The list and the query of one run may both have reported an item.
    const [first, ...others] = new Set(items.filter((item) => !reportedMs.has(item)))
    for (const item of items) reportedMs.set(item, now())
    const more = others.length === 0 ? '' : `, and ${others.length} more; see the report`
    if (first !== undefined) {
      log(`${intro}${first}${more}.`, { code, count: others.length + 1 })
    }
  }

  function log(line: string, fields: LogFields): void {
    logLine(logger, 'error', `[hongbao] reconciler: ${line}`, fields)
  }
}
