import { createWebhooks, type Inbox, type Webhooks, type WebhooksOptions } from '@hongbao/core'
import { MAX_TIMEOUT_MS, withTimeout } from '@hongbao/core/internal'
import type { EventBroker } from './broker.ts'
import { QueueError } from './errors.ts'
import { packEvent, type EventJob } from './event-job.ts'
import { MIN_KEEP_APPLIED_SECONDS, refuseHandlers, type NotOfAReceiver } from './options.ts'

/** Options of `queue.receiver`: those of `createWebhooks`, without those for handlers and the inbox. */
export type QueueReceiverOptions = Omit<WebhooksOptions, NotOfAReceiver>

/**
 * A receiver that stores verified events in the queue. `dispatch` stores a polled event; workers apply
 * those only with `acceptUnsigned: true`.
 */
export interface QueueReceiver
  extends Pick<Webhooks, 'handle' | 'dispatch' | 'ready' | 'close'>, AsyncDisposable {}

/** Where a receiver stores events. */
export interface JobStore {
  readonly broker: EventBroker
  readonly confirmTimeoutMs: number
  readonly ready: () => Promise<void>
}

export function openReceiver(options: QueueReceiverOptions, store: JobStore): QueueReceiver {
  refuseHandlers(options)
  const { name } = store.broker
  const webhooks = createWebhooks<JobContext>({
    ...options,
    inbox: queueInbox(store),
    // `persist` times out first, with an error that says what to do.
    handlerTimeoutMs: Math.min(store.confirmTimeoutMs + 1000, MAX_TIMEOUT_MS),
  })
  webhooks.on('*', (event, context) => context.store(packEvent(event, context, name)))
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

/** The context that the inbox passes to the receiver's handler. */
interface JobContext {
  store(job: EventJob): void
}

/**
 * An inbox that remembers nothing, because the queue, or the inbox of its workers, deduplicates.
 * `applied` means stored.
 */
function queueInbox({ broker, confirmTimeoutMs, ready }: JobStore): Inbox<JobContext> {
  return {
    ready,
    retentionSeconds: MIN_KEEP_APPLIED_SECONDS,
    async admit(_key, work) {
      const jobs: EventJob[] = []
      await work({ store: (job) => void jobs.push(job) })
      await Promise.all(jobs.map((job) => persist(broker, job, confirmTimeoutMs)))
      return 'applied'
    },
  }
}

async function persist(broker: EventBroker, job: EventJob, timeoutMs: number): Promise<void> {
  await withTimeout<unknown>(timeoutMs, broker.persist(job), () => {
    // The broker may store the job later. The next delivery has the same key.
    throw new QueueError(
      'queue-confirm-timed-out',
      `${broker.name} has not confirmed the job within ${timeoutMs} ms. Check that the broker is up, and that this process can reach it.`,
    )
  })
}
