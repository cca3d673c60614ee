import { createWebhooks, type Inbox, type Webhooks, type WebhooksOptions } from '@hongbao/core'
import { withTimeout } from '@hongbao/core/internal'
import type { EventBroker } from './broker.ts'
import { QueueError } from './errors.ts'
import { packEvent, type EventJob } from './event-job.ts'
import { MIN_KEEP_APPLIED_SECONDS, refuseHandlers, type NotOfAReceiver } from './options.ts'

/** Options of `queue.receiver`: those of `createWebhooks`, but for handlers and inbox. */
export type QueueReceiverOptions = Omit<WebhooksOptions, NotOfAReceiver>

/**
 * A receiver that stores what it receives. `dispatch` puts a polled event into the queue; the worker
 * applies those only with `acceptUnsigned: true`.
 */
export interface QueueReceiver
  extends Pick<Webhooks, 'handle' | 'dispatch' | 'ready' | 'close'>, AsyncDisposable {}

/** Where a receiver stores. */
export interface Outlet {
  readonly broker: EventBroker
  readonly confirmTimeoutMs: number
  /** Of the queue. */
  readonly ready: () => Promise<void>
}

export function openReceiver(options: QueueReceiverOptions, outlet: Outlet): QueueReceiver {
  refuseHandlers(options)
  const { name } = outlet.broker
  const webhooks = createWebhooks<Outgoing>({
    ...options,
    inbox: outbox(outlet),
    // Storing has a time-out of its own, whose error says what to do.
    handlerTimeoutMs: Math.min(outlet.confirmTimeoutMs + 1000, MAX_TIMEOUT_MS),
  })
  webhooks.on('*', (event, context) => context.hand(packEvent(event, context, name)))
  return {
    handle: (delivery) => webhooks.handle(delivery),
    dispatch: (event, how) => webhooks.dispatch(event, how),
    ready: () => webhooks.ready(),
    close: () => webhooks.close(),
    async [Symbol.asyncDispose]() {
      await webhooks.close()
    },
  }
}

const MAX_TIMEOUT_MS = 2 ** 31 - 1

/** What the receiver's handler is lent: a place for the job. */
interface Outgoing {
  hand(job: EventJob): void
}

/** An inbox that remembers nothing, because the queue does: `applied` means stored. */
function outbox({ broker, confirmTimeoutMs, ready }: Outlet): Inbox<Outgoing> {
  return {
    ready,
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
  await withTimeout<unknown>(timeoutMs, broker.persist(job), () => {
    // The job may still come to be, when the broker is back: the next delivery has the same key.
    throw new QueueError(
      'queue-confirm-timed-out',
      `${broker.name} has not confirmed the job within ${timeoutMs} ms. Check that its broker is up, and that this process can reach it.`,
    )
  })
}
