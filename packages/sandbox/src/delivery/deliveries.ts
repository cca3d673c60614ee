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
import type { Sender } from './sender.ts'

/** A notification on its way. */
export interface Delivery extends Notification {
  /** What is shown of it; replaced at every change. */
  event: SandboxEvent
  /** Number of the last scheduled attempt that was made; 0 before the first. */
  n: number
}

export interface DeliveriesOptions {
  readonly clock: Clock
  readonly journal: Journal
  readonly faults: FaultSource
  readonly responseTimeoutMs: number
  readonly maxEvents: number
  /** Called with every delivery that is new or has changed, and every event that is removed because there are too many. */
  readonly keep: (change: { readonly delivery: Delivery } | { readonly evicted: string }) => void
}

// More than the schedule and the largest `duplicate` make; only resends by hand can be as many.
const MAX_ATTEMPTS = 2000

// So many times the maximum of events may be kept while they are still to be delivered.
const PENDING_FACTOR = 10

interface PlannedAttempt {
  readonly delivery: Delivery
  readonly order: AttemptOrder
}

/** Delivers notifications: at once, and again by the retry schedule until a 2xx. */
export class Deliveries {
  readonly #options: DeliveriesOptions
  readonly #clock: Clock
  readonly #journal: Journal
  /** Oldest first. */
  readonly #byId = new Map<string, Delivery>()
  /** Of scheduled attempts. */
  readonly #timers = new WeakMap<Delivery, Timer>()
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
  }

  /** How many events there are of each status. */
  get counts(): Readonly<Record<SandboxEvent['status'], number>> {
    const counts = { pending: 0, delivered: 0, exhausted: 0, undelivered: 0 }
    for (const { event } of this.#byId.values()) counts[event.status] += 1
    return counts
  }

  /** The last attempt to the present target. */
  get lastAttempt(): Attempt | undefined {
    return this.#lastAttempt
  }

  /** Starts to deliver; nothing is sent before this returns. */
  add(notification: Notification): SandboxEvent {
    const delivery: Delivery = { ...notification, n: 0 }
    if (this.#sender !== undefined) this.#plan(delivery, this.#clock.now())
    const { envelope = null, orderNo = null, request, from, status } = delivery.event
    const about = aboutOf(delivery)
    const bytes = delivery.body.length
    this.#byId.set(about.event, delivery)
    this.#options.keep({ delivery })
    const record = { ...about, envelope, orderNo, bytes, request, from }
    this.#journal.write({ type: 'event.created', ...record })
    if (status === 'undelivered') this.#journal.write({ type: 'event.undelivered', ...about })
    this.#evict()
    return delivery.event
  }

  /** Takes up a delivery of an earlier process: a planned attempt is made when it is due, at the latest after its gap. */
  restore(delivery: Delivery): void {
    const { id, status, nextAttemptMs } = delivery.event
    this.#byId.set(id, delivery)
    if (status !== 'pending') return
    const nowMs = this.#clock.now()
    // Without a time, the process ended during the attempt, so it is made again.
    if (nextAttemptMs === undefined) delivery.n = Math.max(0, delivery.n - 1)
    const latestMs = nowMs + (RETRY_GAPS_MS[delivery.n - 1] ?? 0)
    this.#plan(delivery, Math.min(nextAttemptMs ?? nowMs, latestMs))
  }

  /** @throws SandboxError `event-unknown`; `target-invalid` if there is no target */
  resend(id: string): SandboxEvent {
    const delivery = this.#get(id)
    if (this.#sender === undefined) throw new Refusal('target-none')
    const nowMs = this.#clock.now()
    // An event that had no target starts its schedule now.
    if (delivery.event.status === 'undelivered') this.#plan(delivery, nowMs)
    else this.#at(nowMs, () => this.#begin(delivery, Math.max(1, delivery.n), 'manual'))
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
    return this.#byId.get(id)?.event
  }

  /** Oldest first. */
  list(): readonly SandboxEvent[] {
    return this.all().map(({ event }) => event)
  }

  /** The deliveries themselves, oldest first, to be saved. */
  all(): readonly Delivery[] {
    return [...this.#byId.values()]
  }

  setSender(sender: Sender | undefined): void {
    this.#sender = sender
    this.#lastAttempt = undefined
  }

  /** Cancels what is on its way, and removes all events. The clock loses its timers at the same time. */
  clear(): void {
    this.#byId.clear()
    this.#held.clear()
    this.#lastAttempt = undefined
    this.#ongoing.abort()
    this.#ongoing = newController()
  }

  #get(id: string): Delivery {
    const delivery = this.#byId.get(id)
    if (delivery === undefined) throw unknownEvent(id)
    return delivery
  }

  #update(delivery: Delivery, changes: Partial<SandboxEvent>): void {
    delivery.event = { ...delivery.event, ...changes }
    // It may have been removed while it was on its way.
    if (this.#byId.get(delivery.event.id) === delivery) this.#options.keep({ delivery })
  }

  #at(dueMs: number, work: () => void | Promise<void>): Timer {
    return this.#clock.at(dueMs, work, 'delivery')
  }

  /** Plans the next scheduled attempt. */
  #plan(delivery: Delivery, dueMs: number): void {
    const begin = () => this.#begin(delivery, delivery.n + 1, 'scheduled')
    this.#update(delivery, { status: 'pending', nextAttemptMs: dueMs })
    this.#timers.set(delivery, this.#at(dueMs, begin))
  }

  /** An attempt is due: the faults that fire decide whether it is made now. */
  #begin(delivery: Delivery, n: number, kind: AttemptKind): void | Promise<void> {
    if (this.#sender === undefined) return this.#stop(delivery, kind)
    const faults = this.#options.faults.takeForAttempt(delivery.event, n)
    const plan = planAttempt(delivery, n, faults)
    const about = { ...aboutOf(delivery), n, kind }
    const attempt = { delivery, order: { ...about, plan } }
    const { holdMs, untilAnother } = plan
    if (holdMs === 0) return this.#send(attempt, this.#sender)
    const dueMs = this.#clock.now() + holdMs
    const timer = this.#sendLater(attempt, dueMs)
    if (untilAnother) this.#held.set(attempt, timer)
    const record = { of: ATTEMPTS, faults: plan.faults, dueAt: isoTime(dueMs), untilAnother }
    this.#journal.write({ type: 'attempt.held', ...about, ...record })
    return undefined
  }

  /** The target was removed: the schedule stops. */
  #stop(delivery: Delivery, kind: AttemptKind): void {
    if (kind !== 'scheduled') return
    this.#update(delivery, { status: 'undelivered', nextAttemptMs: undefined })
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
      this.#timers.set(delivery, timer)
      this.#update(delivery, { nextAttemptMs: dueMs })
    }
    return timer
  }

  async #send({ delivery, order }: PlannedAttempt, sender: Sender): Promise<void> {
    const startedMs = this.#clock.now()
    if (order.kind === 'scheduled') {
      delivery.n = order.n
      this.#update(delivery, { nextAttemptMs: undefined })
    }
    const { signal } = this.#ongoing
    const record = (made: Attempt): void => {
      const attempts = [...delivery.event.attempts, made].slice(-MAX_ATTEMPTS)
      this.#update(delivery, { attempts })
      if (sender === this.#sender) this.#lastAttempt = made
    }
    const isReceived = await makeAttempt(order, { ...this.#options, sender, signal, record })
    if (signal.aborted) return
    this.#releaseHeld(delivery)
    // Given up in the meantime, or removed.
    if (delivery.event.status === 'delivered' || this.find(order.event) === undefined) return
    if (isReceived) this.#finish(delivery, 'delivered')
    else if (order.kind === 'scheduled') this.#retry(delivery, startedMs)
    this.#evict()
  }

  /** Gaps count from the start of the failed attempt; no two scheduled attempts run at a time. */
  #retry(delivery: Delivery, startedMs: number): void {
    const gapMs = RETRY_GAPS_MS[delivery.n - 1]
    if (gapMs === undefined) return this.#finish(delivery, 'exhausted')
    const dueMs = Math.max(startedMs + gapMs, this.#clock.now())
    const retry = { n: delivery.n + 1, dueAt: isoTime(dueMs) }
    this.#journal.write({ type: 'retry.scheduled', ...aboutOf(delivery), ...retry })
    return this.#plan(delivery, dueMs)
  }

  #finish(delivery: Delivery, status: 'delivered' | 'exhausted'): void {
    this.#timers.get(delivery)?.cancel()
    for (const attempt of this.#held.keys()) {
      if (attempt.delivery === delivery && attempt.order.kind === 'scheduled')
        this.#held.delete(attempt)
    }
    this.#update(delivery, { status, nextAttemptMs: undefined })
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

  /** Removes the oldest that are no longer to be delivered, with their records, while there are too many. */
  #evict(): void {
    const { maxEvents, keep } = this.#options
    for (const [id, delivery] of this.#byId) {
      const { size } = this.#byId
      if (size <= maxEvents) return
      if (delivery.event.status === 'pending' && size <= PENDING_FACTOR * maxEvents) continue
      this.#timers.get(delivery)?.cancel()
      this.#byId.delete(id)
      this.#journal.forget(id)
      keep({ evicted: id })
    }
  }
}

/** How records name an event. */
function aboutOf({ event: { id, type } }: Delivery): { event: string; eventType: string } {
  return { event: id, eventType: type }
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
