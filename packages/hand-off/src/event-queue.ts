import { createWebhooks, type Inbox, type Webhooks, type WebhooksOptions } from '@hongbao/core'
import { verifierOf, within, wrong } from '@hongbao/core/internal'
import type { Consumer, EventBroker, TakenJob } from './broker.ts'
import { createTell, deadLetter, type DeadLetter } from './dead-letters.ts'
import { QueueError } from './errors.ts'
import { packEvent, type EventJob } from './event-job.ts'
import {
  MIN_KEEP_APPLIED_SECONDS,
  readDeadLettersOptions,
  readQueueOptions,
  readRedriveOptions,
  readWorkOptions,
  refuseHandlers,
  type DeadLettersOptions,
  type EventQueueOptions,
  type NotOfAReceiver,
  type RedriveOptions,
  type WorkOptions,
} from './options.ts'
import { createRunningJobs } from './running-jobs.ts'
import { applyJob, type JobVerdict } from './verdict.ts'
import { createWarn } from './warnings.ts'

/** A queue of verified events: its receivers store them before they answer, its workers apply them. */
export interface EventQueue extends AsyncDisposable {
  /**
   * A receiver to mount with an adapter: it verifies a delivery, stores its event as a job, and answers
   * 200 once the broker has confirmed that, else 500. It has no handlers and no inbox, because every
   * delivery has to reach the queue: the redelivery of a dead letter wakes its job.
   *
   * @throws OptionError for a wrong option
   */
  receiver(options: QueueReceiverOptions): QueueReceiver
  /**
   * Starts a worker: it applies the events of the queue with the handlers of `webhooks` and through its
   * inbox. Add the handlers first: an event without handlers is complete.
   *
   * The signature that came with each event is verified again, under the keys of `webhooks`, and its
   * `app` and `livemode` count: a job that another program added is a dead letter and reaches no handler.
   *
   * Rejects with an `OptionError` for a wrong option, or if `webhooks` is the receiver of a queue.
   */
  work<Context extends object>(
    webhooks: Pick<Webhooks<Context>, 'dispatch'>,
    options?: WorkOptions,
  ): Promise<EventWorker>
  /** The jobs that were given up, the oldest first. */
  deadLetters(options?: DeadLettersOptions): Promise<DeadLetter[]>
  /**
   * Lets dead letters be tried again, with all their attempts, the oldest first. Resolves with how many
   * there were; one that was redriven meanwhile does not count.
   */
  redrive(options?: RedriveOptions): Promise<number>
  /**
   * Resolves if jobs can be stored now; rejects with an error that says what to do. For start-up and
   * health checks.
   */
  ready(): Promise<void>
  /**
   * Ends the connections that the queue opened, within 5 s. Close its receivers and workers first. A
   * second call returns the same promise.
   */
  close(): Promise<void>
}

/** Options of `queue.receiver`: those of `createWebhooks`, but for handlers and inbox. */
export type QueueReceiverOptions = Omit<WebhooksOptions, NotOfAReceiver>

/**
 * A receiver that stores what it receives. `dispatch` puts a polled event into the queue; the worker
 * applies those only with `acceptUnsigned: true`.
 */
export interface QueueReceiver
  extends Pick<Webhooks, 'handle' | 'dispatch' | 'ready' | 'close'>, AsyncDisposable {}

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

/**
 * Makes a queue of events of any broker. `@hongbao/bullmq` and `@hongbao/pg-boss` have theirs.
 *
 * @throws OptionError for a wrong option
 */
export function createEventQueue(broker: EventBroker, options: EventQueueOptions = {}): EventQueue {
  if (typeof broker?.persist !== 'function' || typeof broker.take !== 'function') {
    throw wrong('broker', 'an object with `name`, `persist` and `take`')
  }
  if (typeof broker.name !== 'string' || broker.name === '') throw wrong('name', 'a text')
  const confirmTimeoutMs = readQueueOptions(options)
  const warn = createWarn(options)
  let closed: Promise<void> | undefined

  function receiver(given: QueueReceiverOptions): QueueReceiver {
    refuseHandlers(given)
    const webhooks = createWebhooks<Outgoing>({
      ...given,
      inbox: { ...outbox(broker, confirmTimeoutMs), ready },
      // Storing has a time-out of its own, whose error says what to do.
      handlerTimeoutMs: Math.min(confirmTimeoutMs + 1000, MAX_TIMEOUT_MS),
    })
    webhooks.on('*', (event, context) => context.hand(packEvent(event, context, broker.name)))
    const { handle, dispatch, close: closeReceiver } = webhooks
    return {
      handle,
      dispatch,
      ready: webhooks.ready,
      close: closeReceiver,
      async [Symbol.asyncDispose]() {
        await closeReceiver()
      },
    }
  }

  async function work<Context extends object>(
    webhooks: Pick<Webhooks<Context>, 'dispatch'>,
    given: WorkOptions = {},
  ): Promise<EventWorker> {
    const { concurrency, acceptUnsigned } = readWorkOptions(given)
    const verify = verifierOf(webhooks ?? {})
    if (verify === undefined) throw wrong('webhooks', NOT_A_RECEIVER)
    const told = { ...options, ...given }
    const tell = createTell(told, broker.name)
    const running = createRunningJobs()
    const rules = { queue: broker.name, verify, acceptUnsigned }

    function run(job: TakenJob): Promise<JobVerdict> {
      return running.run(async (onLate) => {
        const { id, attempt, isLast = false, timeoutMs = 900_000 } = job
        const data = readData(job.data)
        const verdict = await applyJob(webhooks, data, { ...rules, timeoutMs, onLate })
        const isDead = verdict.fate === 'dead' || (verdict.fate === 'again' && isLast)
        if (!isDead) return verdict
        const { reason, cause } = verdict
        // Before the broker knows: a worker that is killed in between leaves it to another one.
        await tell(deadLetter(data, { jobId: id, attempts: attempt, reason }), cause)
        return { ...verdict, fate: 'dead' }
      })
    }

    const workerWarn = createWarn(told)
    const consumer = await broker.take({ concurrency, run, tell, warn: workerWarn })
    let ended: Promise<void> | undefined
    const close = (): Promise<void> => (ended ??= release(consumer))
    return { close, [Symbol.asyncDispose]: close }

    async function release(taking: Consumer): Promise<void> {
      if (await running.waitFor(taking.close())) return
      taking.abandon?.()
      workerWarn(
        'queue-close-timed-out',
        `The worker of ${broker.name} was closed while jobs ran past \`handlerTimeoutMs\`, or its broker did not answer. What it has not finished is tried again by another worker.`,
      )
    }
  }

  async function deadLetters(given: DeadLettersOptions = {}): Promise<DeadLetter[]> {
    const selection = readDeadLettersOptions(given)
    if (broker.deadLetters === undefined) throw unsupported(broker.name, 'deadLetters')
    return broker.deadLetters(selection)
  }

  async function redrive(given: RedriveOptions = {}): Promise<number> {
    const selection = readRedriveOptions(given)
    if (broker.redrive === undefined) throw unsupported(broker.name, 'redrive')
    return broker.redrive(selection)
  }

  async function ready(): Promise<void> {
    if (broker.ready === undefined) return
    await within(Math.max(confirmTimeoutMs, READY_MS), broker.ready(), () => {
      throw new QueueError(
        'queue-not-ready',
        `${broker.name} has not answered in time. Check that its broker is up, and that this process can reach it.`,
      )
    })
  }

  function close(): Promise<void> {
    closed ??= closeBroker()
    return closed
  }

  async function closeBroker(): Promise<void> {
    try {
      const ending = Promise.resolve(broker.close?.())
      await within<unknown>(CLOSE_MS, ending, () => {})
    } catch (error) {
      warn('queue-close-failed', `The connection of ${broker.name} could not be closed.`, {
        cause: error,
      })
    }
  }

  return { receiver, work, deadLetters, redrive, ready, close, [Symbol.asyncDispose]: close }
}

const MAX_TIMEOUT_MS = 2 ** 31 - 1
const READY_MS = 5000
const CLOSE_MS = 5000

const NOT_A_RECEIVER =
  'the receiver that createWebhooks() returned, with your handlers. The receiver of a queue has none: its worker would put every event into a queue again'

/** A text that is no JSON is no job of ours, and not an error of the broker. */
function readData(data: unknown): unknown {
  if (typeof data !== 'string') return data
  try {
    return JSON.parse(data)
  } catch {
    return undefined
  }
}

/** What the receiver's handler is lent: a place for the job. */
interface Outgoing {
  hand(job: EventJob): void
}

/** An inbox that remembers nothing, because the queue does: `applied` means stored. */
function outbox(broker: EventBroker, confirmTimeoutMs: number): Inbox<Outgoing> {
  return {
    retentionSeconds: MIN_KEEP_APPLIED_SECONDS,
    async admit(_key, work) {
      const jobs: EventJob[] = []
      await work({ hand: (job) => void jobs.push(job) })
      await Promise.all(jobs.map((job) => persist(broker, job, confirmTimeoutMs)))
      return 'applied'
    },
  }
}

async function persist(broker: EventBroker, job: EventJob, timeoutMs: number): Promise<void> {
  await within<unknown>(timeoutMs, broker.persist(job), () => {
    // The job may still come to be, when the broker is back: the next delivery has the same key.
    throw new QueueError(
      'queue-confirm-timed-out',
      `${broker.name} has not confirmed the job within ${timeoutMs} ms. Check that its broker is up, and that this process can reach it.`,
    )
  })
}

function unsupported(name: string, call: string): QueueError {
  return new QueueError(
    'queue-unsupported',
    `The broker of ${name} has no \`${call}\`. Use the broker's own tools, or add \`${call}\` to the object given to createEventQueue().`,
  )
}
