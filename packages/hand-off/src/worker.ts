import type { Webhooks } from '@hongbao/core'
import { verifierOf, wrong } from '@hongbao/core/internal'
import { applyJob } from './apply-job.ts'
import type { EventBroker, JobVerdict, TakenJob } from './broker.ts'
import { createReport, deadLetter } from './dead-letters.ts'
import { createWarn } from './errors.ts'
import { readWorkOptions, type QueueSettings, type WorkOptions } from './options.ts'
import { createRunningJobs } from './running-jobs.ts'

/** Applies the events of a queue. */
export interface EventWorker extends AsyncDisposable {
  /**
   * Takes no more jobs, and waits for those that run until their `handlerTimeoutMs` and for the broker.
   * Resolves within 10 seconds, or `handlerTimeoutMs` plus 10 seconds if jobs run, whether or not
   * handlers end and the broker answers. Another worker retries what is not finished then.
   * A second call returns the same promise.
   */
  close(): Promise<void>
}

const JOB_TIMEOUT_MS = 900_000

export async function startWorker<Context extends object>(
  webhooks: Pick<Webhooks<Context>, 'dispatch'>,
  options: WorkOptions,
  { broker, settings }: { readonly broker: EventBroker; readonly settings: QueueSettings },
): Promise<EventWorker> {
  const { concurrency, acceptUnsigned, ...hooks } = readWorkOptions(options, settings)
  const verify = verifierOf(webhooks ?? {})
  if (verify === undefined) throw wrong('webhooks', NOT_A_RECEIVER)
  const { name: queue } = broker
  const reading = { queue, verify, acceptUnsigned }
  const reportDeadLetter = createReport(hooks, queue)
  const warn = createWarn(hooks)
  const running = createRunningJobs()
  const consumer = await broker.take({ concurrency, run, reportDeadLetter, warn })
  let closed: Promise<void> | undefined
  return { close, [Symbol.asyncDispose]: close }

  function run(job: TakenJob): Promise<JobVerdict> {
    const { id: jobId, attempt: attempts, isLast = false, timeoutMs = JOB_TIMEOUT_MS } = job
    const data = readData(job.data)
    return running.run(async (onLate) => {
      const result = await applyJob(webhooks, data, { ...reading, timeoutMs, onLate })
      const { fate, reason, cause } = result
      if (fate === 'done' || (fate === 'again' && !isLast)) return result
      // Before the broker knows: if this worker is killed in between, the next one reports.
      await reportDeadLetter(deadLetter(data, { jobId, attempts, reason }), cause)
      return { ...result, fate: 'dead' }
    })
  }

  function close(): Promise<void> {
    closed ??= closeConsumer()
    return closed
  }

  async function closeConsumer(): Promise<void> {
    if (await running.waitFor(consumer.close())) return
    consumer.abandon?.()
    warn(
      'queue-close-timed-out',
      `The worker of ${queue} was closed while jobs ran past \`handlerTimeoutMs\`, or its broker did not answer. Another worker retries what it has not finished.`,
    )
  }
}

const NOT_A_RECEIVER =
  'the receiver that createWebhooks() returned, with your handlers. The receiver of a queue has none: its worker would put every event into a queue again'

/** Text that is not JSON is a job of another program: `undefined`, which is refused. */
function readData(data: unknown): unknown {
  if (typeof data !== 'string') return data
  try {
    return JSON.parse(data)
  } catch {
    return undefined
  }
}
