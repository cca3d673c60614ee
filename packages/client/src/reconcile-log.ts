import type { Logger } from '@hongbao/core'
import { contain } from '@hongbao/core/wire'
import type { Ledger } from './envelope-ledger.ts'
import type { ReconcileReport } from './reconcile-report.ts'

/** Speaks of what somebody should look at in a report: a line for each kind, when there is news of it. */
export function createReportLog(
  logger: Logger,
  ledger: Pick<Ledger, 'isNews'>,
): (report: ReconcileReport) => void {
  return function log({ error, conflicts, overdue }) {
    if (error !== null && error.code !== 'aborted') say(`${error.code}: ${error.message}`)
    const contradictions = conflicts.filter(({ id, reason }) => ledger.isNews(`${reason} ${id}`))
    const late = overdue.filter(({ order_no }) => ledger.isNews(`overdue ${order_no}`))
    const [conflict] = contradictions
    const [envelope] = late
    if (conflict !== undefined) {
      const first = `${conflict.id} (order_no ${conflict.order_no}): ${conflict.reason}`
      say(
        `not dispatched, because it contradicts what is known: ${first}${others(contradictions)}.`,
      )
    }
    if (envelope !== undefined) {
      const first = `order_no ${envelope.order_no} is ${envelope.status ?? 'not at Ping++'}`
      say(`three days after it was created, ${first}${others(late)}.`)
    }
  }

  function say(line: string): void {
    contain(() => logger.error(`[hongbao] reconcile: ${line}`))
  }
}

function others({ length }: readonly unknown[]): string {
  return length === 1 ? '' : `, and ${length - 1} more; see the report`
}
