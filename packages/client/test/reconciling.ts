import {
  createWebhooks,
  memoryInbox,
  type DispatchResult,
  type EventType,
  type WebhookReport,
  type WebhookEvent,
  type Webhooks,
} from '@hongbao/core'
import { createTestKeys, eventFixture, signDelivery } from '@hongbao/core/testing'
import type {
  Reconciler,
  ReconcilerOptions,
  ReconcilerReport,
  ReconcilerRunOptions,
} from '../src/index.ts'
import type { Seams } from '../src/http/retries.ts'
import { createReconcilerWith } from '../src/reconcile/reconciler.ts'
import { APP, createClock, createPingpp, type Clock, type Pingpp } from './in-memory-pingpp.ts'

const KEYS = createTestKeys()

/** Options of a reconciler, and what a test has in its hands besides. */
export type ShopOptions = Partial<ReconcilerOptions & Seams>

/** A shop: Ping++ in memory, a receiver with its handlers, and what reconciles the two. */
export interface Shop {
  readonly clock: Clock
  readonly pingpp: Pingpp
  readonly webhooks: Webhooks
  readonly reconciler: Reconciler
  /** What handlers did, in order: `1 sent by poll`. */
  readonly done: string[]
  /** What polls dispatched to the receiver, with any result. */
  readonly polled: WebhookReport[]
  /** Lines of the log. */
  readonly lines: string[]
  readonly reports: ReconcilerReport[]
  /** What `onError` got, each with its report. */
  readonly errors: (readonly [error: unknown, report: ReconcilerReport])[]
  /** Order numbers whose handlers throw. */
  readonly broken: Set<string>
  readonly run: (options?: ReconcilerRunOptions) => Promise<ReconcilerReport>
  /** Ping++ sends a webhook with the current state of an envelope, signed, to `handle`. */
  readonly deliver: (id: string) => Promise<string>
  /** Another process after a restart: nothing is remembered but what the inbox has. */
  readonly restart: (options?: ShopOptions) => Reconciler
  /** The fixed answer of the receiver to polls from now on; undefined for its own answer. */
  readonly pretend: (answer: (() => Promise<DispatchResult>) | undefined) => void
}

const STEPS: readonly EventType[] = [
  'red_envelope.sent',
  'red_envelope.received',
  'red_envelope.failed',
  'red_envelope.refunding',
  'red_envelope.refund',
]

export function openShop(options: ShopOptions = {}): Shop {
  const clock = createClock()
  const pingpp = createPingpp(clock.now)
  const done: string[] = []
  const polled: WebhookReport[] = []
  const lines: string[] = []
  const reports: ReconcilerReport[] = []
  const errors: (readonly [error: unknown, report: ReconcilerReport])[] = []
  const broken = new Set<string>()
  let pretended: (() => Promise<DispatchResult>) | undefined
  const webhooks = createWebhooks({
    publicKey: KEYS.publicKey,
    inbox: memoryInbox({ retentionSeconds: 30 * 24 * 3600, now: clock.now }),
    now: clock.now,
    logger: false,
    onReport(report) {
      if (report.source === 'poll') polled.push(report)
    },
  })
  for (const type of STEPS) {
    webhooks.on(type, ({ data: { object } }, { source }) => {
      const { order_no, status } = object as { order_no: string; status: string }
      if (broken.has(order_no)) throw new Error('the database is away')
      done.push(`${order_no} ${status} by ${source}`)
    })
  }

  function restart(changes: ShopOptions = {}): Reconciler {
    const { wait = clock.wait, random = () => 0.5, ...own } = { ...options, ...changes }
    const all: ReconcilerOptions = {
      pingpp: pingpp.client,
      webhooks: {
        dispatch: (event, how) => pretended?.() ?? webhooks.dispatch(event, how),
      },
      app: APP,
      requestsPerSecond: 1000,
      logger: { warn: (line) => void lines.push(line), error: (line) => void lines.push(line) },
      now: clock.now,
      onReport: (report) => void reports.push(report),
      onError: (error, report) => void errors.push([error, report]),
      ...own,
    }
    return createReconcilerWith(all, { wait, random })
  }

  const reconciler = restart()
  return {
    clock,
    pingpp,
    webhooks,
    reconciler,
    done,
    polled,
    lines,
    reports,
    errors,
    broken,
    run: (runOptions) => reconciler.run(runOptions),
    async deliver(id) {
      const event = notification(pingpp, id, clock.now())
      return (await webhooks.handle(signDelivery(event, KEYS).delivery())).outcome
    },
    restart,
    pretend(answer) {
      pretended = answer
    },
  }
}

/** The notification of an envelope's state, as Ping++ writes it. */
function notification(pingpp: Pingpp, id: string, nowMs: number): WebhookEvent {
  const object = pingpp.show(id)
  const { livemode } = object
  const created = Math.floor(nowMs / 1000)
  const isSent = object.status === 'sent'
  return isSent
    ? eventFixture('red_envelope.sent', {
        created,
        livemode,
        object: { ...object, status: 'sent' },
      })
    : eventFixture('red_envelope.received', {
        created,
        livemode,
        object: { ...object, status: 'received' },
      })
}
