import { setMaxListeners } from 'node:events'
import type { Clock, Timer } from '../clock/clock.ts'
import { isoTime } from '../clock/duration.ts'
import { ATTEMPTS, RETRY_GAPS_MS } from '../clock/schedule.ts'
import { quote, Refusal } from '../errors.ts'
import type { Journal } from '../events/journal.ts'
import type { Notification } from '../events/notifications.ts'
import type { Attempt, AttemptKind, SandboxEvent } from '../events/sandbox-event.ts'
import { planAttempt } from '../faults/fault-plan.ts'
import type { FaultSource } from '../faults/faults.ts'
import { makeAttempt, type AttemptOrder } from './delivery-attempts.ts'
import { aboutOf, KeptDeliveries, show, type Delivery } from './kept-deliveries.ts'
import type { Sender } from './sender.ts'

export interface DeliveriesOptions {
  readonly clock: Clock
  readonly journal: Journal
  readonly faults: FaultSource
  readonly responseTimeoutMs: number
  readonly maxEvents: number
  /** Called with every delivery that is new or has changed. */
  readonly onChange: (delivery: Delivery) => void
  /** Called with the id of every event that is removed because there are too many. */
  readonly onEvicted: (id: string) => void
}

// More than the schedule and the largest `duplicate` make; only resends by hand can be as many.
const MAX_ATTEMPTS = 2000

interface PlannedAttempt {
  readonly delivery: Delivery
  readonly order: AttemptOrder
}

/** Delivers notifications: at once, and again by the retry schedule until a 2xx. */
export class Deliveries {
  readonly #options: DeliveriesOptions
  readonly #clock: Clock
  readonly #journal: Journal
  readonly #kept: KeptDeliveries
  /** Attempts that a `reorder` fault holds back until another notification was sent. */
  readonly #held = new Map<PlannedAttempt, Timer>()
  #sender: Sender | undefined
  #lastAttempt: Attempt | undefined
  /** Aborted by `clear`, which replaces it. */
  #ongoing = newController()

  constructor(options: DeliveriesOptions) {
    this.#options = options
    this.#clock = options.clock
    this.#journal = options.journal
    this.#kept = new KeptDeliveries(options.maxEvents, options.onChange)
  }

  get counts(): KeptDeliveries['counts'] {
    return this.#kept.counts
  }

  /** The last attempt to the present target. */
  get lastAttempt(): Attempt | undefined {
    return this.#lastAttempt
  }

  /** Starts to deliver; nothing is sent before this returns. */
  add(notification: Notification): SandboxEvent {
    const { envelope = null, orderNo = null, body, request, from } = notification
    const plan = this.#sender && { status: 'pending' as const, nextAttemptMs: this.#clock.now() }
    const event = { ...show(notification), ...plan }
    const delivery: Delivery = { notification, event, n: 0, timer: undefined }
    const about = aboutOf(delivery)
    const record = { ...about, envelope, orderNo, bytes: body.length, request, from }
    this.#kept.add(delivery)
    this.#journal.write({ type: 'event.created', ...record })
    if (plan === undefined) this.#journal.write({ type: 'event.undelivered', ...about })
    else this.#startTimer(delivery, plan.nextAttemptMs)
    this.#evict()
    return delivery.event
  }

  /** Takes up a delivery of an earlier process: a planned attempt is made when it is due, at the latest after its gap. */
  restore(delivery: Delivery): void {
    const { status, nextAttemptMs } = delivery.event
    this.#kept.add(delivery)
    if (status !== 'pending') return
    const nowMs = this.#clock.now()
    if (nextAttemptMs === undefined) {
      // The process ended during the attempt, so it is made again.
      delivery.n = Math.max(0, delivery.n - 1)
      this.#schedule(delivery, nowMs)
    } else {
      const latestMs = nowMs + (RETRY_GAPS_MS[delivery.n - 1] ?? 0)
      this.#schedule(delivery, Math.min(nextAttemptMs, latestMs))
    }
  }

  /** @throws SandboxError `event-unknown`; `target-invalid` if there is no target */
  resend(id: string): SandboxEvent {
    const delivery = this.#get(id)
    if (this.#sender === undefined) throw new Refusal('target-none')
    const now = this.#clock.now()
    // An event that had no target starts its schedule now.
    if (delivery.event.status === 'undelivered') this.#schedule(delivery, now)
    else this.#at(now, () => this.#begin(delivery, Math.max(1, delivery.n), 'manual'))
    return delivery.event
  }

  /** Gives up on the planned attempt. Returns undefined if none is planned. @throws SandboxError `event-unknown` */
  cancelRetry(id: string): SandboxEvent | undefined {
    const delivery = this.#get(id)
    if (delivery.event.nextAttemptMs === undefined) return undefined
    this.#journal.write({ type: 'retry.cancelled', ...aboutOf(delivery), n: delivery.n + 1 })
    this.#finish(delivery, 'exhausted')
    return delivery.event
  }

  find(id: string): SandboxEvent | undefined {
    return this.#kept.find(id)?.event
  }

  /** Oldest first. */
  list(): readonly SandboxEvent[] {
    return this.#kept.list().map(({ event }) => event)
  }

  /** The deliveries themselves, oldest first, to be saved. */
  all(): readonly Delivery[] {
    return this.#kept.list()
  }

  setSender(sender: Sender | undefined): void {
    this.#sender = sender
    this.#lastAttempt = undefined
  }

  /** Cancels what is on its way, and removes all events. */
  clear(): void {
    for (const timer of this.#held.values()) timer.cancel()
    this.#kept.clear()
    this.#held.clear()
    this.#lastAttempt = undefined
    this.#ongoing.abort()
    this.#ongoing = newController()
  }

  #get(id: string): Delivery {
    const delivery = this.#kept.find(id)
    if (delivery === undefined) throw unknownEvent(id)
    return delivery
  }

  #at(dueMs: number, work: () => void | Promise<void>): Timer {
    return this.#clock.at(dueMs, work, 'delivery')
  }

  #schedule(delivery: Delivery, dueMs: number): void {
    this.#kept.update(delivery, { status: 'pending', nextAttemptMs: dueMs })
    this.#startTimer(delivery, dueMs)
  }

  #startTimer(delivery: Delivery, dueMs: number): void {
    delivery.timer = this.#at(dueMs, () => this.#begin(delivery, delivery.n + 1, 'scheduled'))
  }

  /** An attempt is due: the faults that fire decide whether it is made now. */
  #begin(delivery: Delivery, n: number, kind: AttemptKind): void | Promise<void> {
    if (this.#sender === undefined) return this.#stop(delivery, kind)
    const { notification } = delivery
    const faults = this.#options.faults.takeForAttempt({ ...notification, n })
    const plan = planAttempt(notification, n, faults)
    const attempt = { delivery, order: { ...aboutOf(delivery), n, kind, plan } }
    if (plan.holdMs === 0) return this.#send(attempt, this.#sender)
    this.#hold(attempt)
    return undefined
  }

  #hold(attempt: PlannedAttempt): void {
    const { plan, ...about } = attempt.order
    const { holdMs, untilAnother, faults } = plan
    const dueMs = this.#clock.now() + holdMs
    const timer = this.#sendLater(attempt, dueMs)
    if (untilAnother) this.#held.set(attempt, timer)
    const record = { of: ATTEMPTS, faults, dueAt: isoTime(dueMs), untilAnother }
    this.#journal.write({ type: 'attempt.held', ...about, ...record })
  }

  /** The target was removed: the schedule stops. */
  #stop(delivery: Delivery, kind: AttemptKind): void {
    if (kind !== 'scheduled') return
    this.#kept.update(delivery, { status: 'undelivered', nextAttemptMs: undefined })
    this.#journal.write({ type: 'event.undelivered', ...aboutOf(delivery) })
  }

  #sendLater(attempt: PlannedAttempt, dueMs: number): Timer {
    const { delivery, order } = attempt
    const { kind } = order
    const timer = this.#at(dueMs, () => {
      this.#held.delete(attempt)
      if (this.#sender === undefined) return this.#stop(delivery, kind)
      return this.#send(attempt, this.#sender)
    })
    if (kind === 'scheduled') {
      delivery.timer = timer
      this.#kept.update(delivery, { nextAttemptMs: dueMs })
    }
    return timer
  }

  async #send({ delivery, order }: PlannedAttempt, sender: Sender): Promise<void> {
    const startedMs = this.#clock.now()
    if (order.kind === 'scheduled') {
      delivery.n = order.n
      this.#kept.update(delivery, { nextAttemptMs: undefined })
    }
    const { signal } = this.#ongoing
    const record = (made: Attempt): void => this.#record(delivery, made, sender)
    const isReceived = await makeAttempt(order, { ...this.#options, sender, signal, record })
    if (signal.aborted) return
    this.#releaseHeld(delivery)
    // Given up in the meantime, or removed.
    if (delivery.event.status === 'delivered' || this.find(order.event) === undefined) return
    if (isReceived) this.#finish(delivery, 'delivered')
    else if (order.kind === 'scheduled') this.#retry(delivery, startedMs)
    this.#evict()
  }

  #record(delivery: Delivery, made: Attempt, sender: Sender): void {
    const attempts = [...delivery.event.attempts, made].slice(-MAX_ATTEMPTS)
    this.#kept.update(delivery, { attempts })
    if (sender === this.#sender) this.#lastAttempt = made
  }

  /** Gaps count from the start of the failed attempt; no two scheduled attempts run at a time. */
  #retry(delivery: Delivery, startedMs: number): void {
    const gapMs = RETRY_GAPS_MS[delivery.n - 1]
    if (gapMs === undefined) {
      this.#finish(delivery, 'exhausted')
      return
    }
    const dueMs = Math.max(startedMs + gapMs, this.#clock.now())
    const retry = { n: delivery.n + 1, dueAt: isoTime(dueMs) }
    this.#journal.write({ type: 'retry.scheduled', ...aboutOf(delivery), ...retry })
    this.#schedule(delivery, dueMs)
  }

  #finish(delivery: Delivery, status: 'delivered' | 'exhausted'): void {
    delivery.timer?.cancel()
    for (const attempt of this.#held.keys()) {
      if (attempt.delivery === delivery && attempt.order.kind === 'scheduled')
        this.#held.delete(attempt)
    }
    this.#kept.update(delivery, { status, nextAttemptMs: undefined })
    const attempts = delivery.event.attempts.length
    this.#journal.write({ type: `event.${status}`, ...aboutOf(delivery), attempts })
  }

  /** Another notification was sent, so held ones are due. */
  #releaseHeld(sent: Delivery): void {
    for (const [attempt, timer] of this.#held) {
      if (attempt.delivery === sent) continue
      this.#held.delete(attempt)
      timer.cancel()
      this.#sendLater(attempt, this.#clock.now())
    }
  }

  /** Removes the oldest if there are too many, with its records. */
  #evict(): void {
    for (let old = this.#kept.surplus(); old !== undefined; old = this.#kept.surplus()) {
      const about = aboutOf(old)
      this.#kept.remove(old)
      this.#journal.forget(about.event)
      this.#options.onEvicted(about.event)
    }
  }
}

/** Every post listens; by default Node warns at 11 listeners. */
function newController(): AbortController {
  const controller = new AbortController()
  setMaxListeners(0, controller.signal)
  return controller
}

export function unknownEvent(id: string): Refusal {
  return id === 'last'
    ? new Refusal('event-none')
    : new Refusal('event-unknown', { asked: quote(id) })
}
