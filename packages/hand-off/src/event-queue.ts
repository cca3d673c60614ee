import type { Webhooks } from '@hongbao/core'
import { callSafely, withTimeout, wrong } from '@hongbao/core/internal'
import type { EventBroker } from './broker.ts'
import type { DeadLetter } from './dead-letters.ts'
import { createWarn, QueueError, type QueueWarningCode, type ReportWarning } from './errors.ts'
import {
  readDeadLettersOptions,
  readQueueOptions,
  readRedriveOptions,
  type DeadLettersOptions,
  type EventQueueOptions,
  type QueueSettings,
  type RedriveOptions,
  type WorkOptions,
} from './options.ts'
import { openReceiver, type QueueReceiver, type QueueReceiverOptions } from './receiver.ts'
import { startWorker, type EventWorker } from './worker.ts'

/**
 * A queue of verified events: its receivers store them before they answer, its workers apply them.
 * `Code` are its warnings.
 */
export interface EventQueue<Code extends string = string> extends AsyncDisposable {
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
    options?: WorkOptions<Code>,
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
export function createEventQueue<Code extends string = string>(
  broker: EventBroker<Code>,
  options: EventQueueOptions<Code | QueueWarningCode> = {},
): EventQueue<Code | QueueWarningCode> {
  if (typeof broker?.persist !== 'function' || typeof broker.take !== 'function') {
    throw wrong('broker', 'an object with `name`, `persist` and `take`')
  }
  if (typeof broker.name !== 'string' || broker.name === '') throw wrong('name', 'a text')
  return openEventQueue(broker, readQueueOptions(options))
}

export function openEventQueue(broker: EventBroker, settings: QueueSettings): EventQueue {
  const { confirmTimeoutMs } = settings
  let closed: Promise<void> | undefined

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
    closed ??= closeBroker(broker, createWarn(settings))
    return closed
  }

  return {
    receiver: (options) => openReceiver(options, { broker, confirmTimeoutMs, ready }),
    work: (webhooks, options = {}) => startWorker(webhooks, options, { broker, settings }),
    async deadLetters(options = {}) {
      const selection = readDeadLettersOptions(options)
      if (broker.deadLetters === undefined) throw unsupported(broker.name, 'deadLetters')
      return broker.deadLetters(selection)
    },
    async redrive(options = {}) {
      const selection = readRedriveOptions(options)
      if (broker.redrive === undefined) throw unsupported(broker.name, 'redrive')
      return broker.redrive(selection)
    },
    ready,
    close,
    [Symbol.asyncDispose]: close,
  }
}

const READY_MS = 5000
const CLOSE_MS = 5000

async function closeBroker(broker: EventBroker, warn: ReportWarning): Promise<void> {
  try {
    const closed = Promise.resolve(broker.close?.()).then(() => true)
    if (await withTimeout(CLOSE_MS, closed, () => false)) return
  } catch (cause) {
    warn('queue-close-failed', `The connection of ${broker.name} could not be closed.`, { cause })
  }
  callSafely(() => broker.abandon?.())
}

function unsupported(name: string, call: string): QueueError {
  return new QueueError(
    'queue-unsupported',
    `The broker of ${name} has no \`${call}\`. Use the broker's own tools, or add \`${call}\` to the object given to createEventQueue().`,
  )
}
