import type { Webhooks } from '@hongbao/core'
import { withTimeout, wrong } from '@hongbao/core/internal'
import type { EventBroker } from './broker.ts'
import type { DeadLetter } from './dead-letters.ts'
import { createWarn, QueueError, type Warn } from './errors.ts'
import {
  readDeadLettersOptions,
  readQueueOptions,
  readRedriveOptions,
  type DeadLettersOptions,
  type EventQueueOptions,
  type RedriveOptions,
  type WorkOptions,
} from './options.ts'
import { openReceiver, type QueueReceiver, type QueueReceiverOptions } from './receiver.ts'
import { startWorker, type EventWorker } from './worker.ts'

/** A queue of verified events: its receivers store them before they answer, its workers apply them. */
export interface EventQueue extends AsyncDisposable {
  /**
   * Makes a receiver to mount with an adapter. It verifies a delivery, stores its event as a job, and
   * answers 200 when the broker has confirmed the job, else 500. It has no handlers and no inbox, because
   * every delivery must reach the queue: the redelivery of a dead letter retries its job.
   *
   * @throws OptionError for a wrong option
   */
  receiver(options: QueueReceiverOptions): QueueReceiver
  /**
   * Starts a worker. It applies the events of the queue with the handlers and the inbox of `webhooks`.
   * Add the handlers first: an event without handlers is complete.
   *
   * It verifies the signature of each event again, with the keys, the `app` and the `livemode` of
   * `webhooks`. A job that another program added becomes a dead letter and reaches no handler.
   *
   * Rejects with an `OptionError` for a wrong option, or if `webhooks` is the receiver of a queue.
   */
  work<Context extends object>(
    webhooks: Pick<Webhooks<Context>, 'dispatch'>,
    options?: WorkOptions,
  ): Promise<EventWorker>
  /** Lists the dead letters, the oldest first. */
  deadLetters(options?: DeadLettersOptions): Promise<DeadLetter[]>
  /**
   * Retries dead letters, with all their attempts, the oldest first. Resolves with how many; one that
   * another call redrove at the same time does not count.
   */
  redrive(options?: RedriveOptions): Promise<number>
  /**
   * Resolves if the broker can store jobs now, else rejects with an error that says what to do. For
   * start-up and health checks.
   */
  ready(): Promise<void>
  /**
   * Closes the connections that the queue opened, within 5 s. Close its receivers and workers first. A
   * second call returns the same promise.
   */
  close(): Promise<void>
}

/**
 * Makes a queue of events on any broker. For BullMQ and pg-boss use `bullmqQueue` and `pgBossQueue`.
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
  const { onWarning, logger } = options
  let closed: Promise<void> | undefined

  function receiver(given: QueueReceiverOptions): QueueReceiver {
    return openReceiver(given, { broker, confirmTimeoutMs, ready })
  }

  function work<Context extends object>(
    webhooks: Pick<Webhooks<Context>, 'dispatch'>,
    given: WorkOptions = {},
  ): Promise<EventWorker> {
    return startWorker(webhooks, given, { broker, warnings: { onWarning, logger } })
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
    await withTimeout(Math.max(confirmTimeoutMs, READY_MS), broker.ready(), () => {
      throw new QueueError(
        'queue-not-ready',
        `${broker.name} has not answered in time. Check that the broker is up, and that this process can reach it.`,
      )
    })
  }

  function close(): Promise<void> {
    closed ??= closeBroker(broker, warn)
    return closed
  }

  return { receiver, work, deadLetters, redrive, ready, close, [Symbol.asyncDispose]: close }
}

const READY_MS = 5000
const CLOSE_MS = 5000

async function closeBroker(broker: EventBroker, warn: Warn): Promise<void> {
  try {
    const closed = Promise.resolve(broker.close?.())
    await withTimeout<unknown>(CLOSE_MS, closed, () => {})
  } catch (cause) {
    warn('queue-close-failed', `The connection of ${broker.name} could not be closed.`, { cause })
  }
}

function unsupported(name: string, call: string): QueueError {
  return new QueueError(
    'queue-unsupported',
    `The broker of ${name} has no \`${call}\`. Use the broker's own tools, or add \`${call}\` to the object given to createEventQueue().`,
  )
}
