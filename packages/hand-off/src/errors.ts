import { InboxError } from '@hongbao/core'
import { vouchAs } from '@hongbao/core/internal'

/**
 * Why an event was not stored, or a job is a dead letter at once. A broker may have codes of its own,
 * with its own prefix.
 */
export type QueueErrorCode =
  | 'queue-confirm-timed-out'
  | 'queue-job-missing'
  | 'queue-circle'
  | 'queue-job-invalid'
  | 'queue-job-unsigned'
  | 'queue-not-ready'
  | 'queue-unsupported'

/** An error of a queue: its message is hongbao's own, so the log may show it. */
export class QueueError<Code extends string = QueueErrorCode> extends InboxError<Code> {
  constructor(code: Code, message: string, options?: ErrorOptions) {
    super(code, message, options)
    vouchAs(this, message)
  }
}
