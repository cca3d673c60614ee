import type { Webhooks } from '@hongbao/core'
import { verifierOf, wrong } from '@hongbao/core/internal'
import type { Consumer, EventBroker, TakenJob } from './broker.ts'
import { createTell, deadLetter, type Tell } from './dead-letters.ts'
import { readWorkOptions, type WorkOptions } from './options.ts'
import { createRunningJobs, type RunningJobs } from './running-jobs.ts'
import { applyJob, type JobRules, type JobVerdict } from './verdict.ts'
import { createWarn, type Warn, type WarningOptions } from './warnings.ts'

/** What applies the events of a queue. */
export interface EventWorker extends AsyncDisposable {
  /**
   * Takes no more jobs, and waits for those that run until their `handlerTimeoutMs` and for the broker.
   * Resolves within 10 seconds, or `handlerTimeoutMs` plus 10 seconds if jobs run, whether or not
   * handlers end and the broker answers. What is not finished then is tried again by another worker.
   * A second call returns the same promise.
   */
  close(): Promise<void>
}

/** Where a worker takes its jobs, and where it warns. */
export interface Source {
  readonly broker: EventBroker
  readonly warnings: WarningOptions
}

export async function startWorker<Context extends object>(
  webhooks: Pick<Webhooks<Context>, 'dispatch'>,
  options: WorkOptions,
  { broker, warnings }: Source,
): Promise<EventWorker> {
  const { concurrency, acceptUnsigned } = readWorkOptions(options)
  const verify = verifierOf(webhooks ?? {})
  if (verify === undefined) throw wrong('webhooks', NOT_A_RECEIVER)
  const { name } = broker
  const tell = createTell({ ...warnings, onDeadLetter: options.onDeadLetter }, name)
  const warn = createWarn(warnings)
  const running = createRunningJobs()
  const rules = { queue: name, verify, acceptUnsigned }
  const apply: Runner['apply'] = (data, how) => applyJob(webhooks, data, { ...rules, ...how })
  const run = (job: TakenJob): Promise<JobVerdict> => runJob({ running, tell, apply }, job)
  const consumer = await broker.take({ concurrency, run, tell, warn })
  let closed: Promise<void> | undefined
  const close = (): Promise<void> => (closed ??= release({ consumer, running, warn, name }))
  return { close, [Symbol.asyncDispose]: close }
}

const NOT_A_RECEIVER =
  'the receiver that createWebhooks() returned, with your handlers. The receiver of a queue has none: its worker would put every event into a queue again'

interface Runner {
  readonly running: RunningJobs
  readonly tell: Tell
  readonly apply: (
    data: unknown,
    how: Pick<JobRules, 'timeoutMs' | 'onLate'>,
  ) => Promise<JobVerdict>
}

function runJob({ running, tell, apply }: Runner, job: TakenJob): Promise<JobVerdict> {
  const { id, attempt, isLast = false, timeoutMs = 900_000 } = job
  const data = readData(job.data)
  return running.run(async (onLate) => {
    const verdict = await apply(data, { timeoutMs, onLate })
    const isDead = verdict.fate === 'dead' || (verdict.fate === 'again' && isLast)
    if (!isDead) return verdict
    const { reason, cause } = verdict
    // Before the broker knows: a worker that is killed in between leaves it to another one.
    await tell(deadLetter(data, { jobId: id, attempts: attempt, reason }), cause)
    return { ...verdict, fate: 'dead' }
  })
}

/** A text that is no JSON is no job of ours, and not an error of the broker. */
function readData(data: unknown): unknown {
  if (typeof data !== 'string') return data
  try {
    return JSON.parse(data)
  } catch {
    return undefined
  }
}

interface Ending {
  readonly consumer: Consumer
  readonly running: RunningJobs
  readonly warn: Warn
  readonly name: string
}

async function release({ consumer, running, warn, name }: Ending): Promise<void> {
  if (await running.waitFor(consumer.close())) return
  consumer.abandon?.()
  warn(
    'queue-close-timed-out',
    `The worker of ${name} was closed while jobs ran past \`handlerTimeoutMs\`, or its broker did not answer. What it has not finished is tried again by another worker.`,
  )
}
