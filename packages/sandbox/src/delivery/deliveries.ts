import { setMaxListeners } from 'node:events'
import type { Clock, Timer } from '../clock/clock.ts'
import type { Journal } from '../events/journal.ts'
import type { Notification } from '../events/notifications.ts'
import type { Attempt, SandboxEvent } from '../events/sandbox-event.ts'
import { SandboxError } from '../errors.ts'
import { planAttempt, type AttemptPlan } from '../faults/fault-plan.ts'
import type { FaultSource } from '../faults/faults.ts'
import { makeAttempt } from './delivery-attempts.ts'
import { RETRY_GAPS_MS } from '../clock/schedule.ts'
import type { Sender } from './sender.ts'

export interface DeliveriesOptions {
  readonly clock: Clock
  readonly journal: Journal
  readonly faults: FaultSource
  readonly responseTimeoutMs: number
  /** Called with every event that is new or has changed. */
  readonly onChange: (event: SandboxEvent) => void
}

/** A notification on its way. */
interface Delivery {
  readonly notification: Notification
  /** What is shown of it; replaced at every change. */
  event: SandboxEvent
  /** Number of the last scheduled attempt that was made; 0 before the first. */
  n: number
  /** The next scheduled attempt. */
  timer: Timer | undefined
}

/** One delivery attempt that is to be made. */
interface PlannedAttempt {
  readonly delivery: Delivery
  readonly n: number
  readonly kind: 'scheduled' | 'manual'
  readonly plan: AttemptPlan
}

/** Delivers notifications: at once, and again by the retry schedule until a 2xx. */
export class Deliveries {
  readonly #options: DeliveriesOptions
  readonly #clock: Clock
  readonly #deliveries = new Map<string, Delivery>()
  /** Attempts that a `reorder` fault holds back until another notification was sent. */
  readonly #held = new Map<PlannedAttempt, Timer>()
  #sender: Sender | undefined
  /** Aborted by `clear`, which replaces it. */
  #ongoing = newController()

  constructor(options: DeliveriesOptions) {
    this.#options = options
    this.#clock = options.clock
  }

  /** Starts to deliver; nothing is sent before this returns. */
  add(notification: Notification): SandboxEvent {
    const { id: event, type: eventType, envelope = null, orderNo = null, body } = notification
    const delivery: Delivery = { notification, event: show(notification), n: 0, timer: undefined }
    this.#deliveries.set(event, delivery)
    if (this.#sender === undefined) this.#options.onChange(delivery.event)
    else this.#schedule(delivery, this.#clock.now())
    const record = { event, eventType, envelope, orderNo, bytes: body.length }
    this.#options.journal.write({ type: 'event.created', ...record })
    return delivery.event
  }

  /** @throws SandboxError `event-unknown`; `target-invalid` if there is no target */
  resend(id: string): SandboxEvent {
    const delivery = this.#deliveries.get(id)
    if (delivery === undefined) throw unknownEvent(id)
    if (this.#sender === undefined) throw noTarget()
    const now = this.#clock.now()
    // An event that had no target starts its schedule now.
    if (delivery.event.status === 'undelivered') this.#schedule(delivery, now)
    else this.#clock.at(now, () => this.#begin(delivery, Math.max(1, delivery.n), 'manual'))
    return delivery.event
  }

  find(id: string): SandboxEvent | undefined {
    return this.#deliveries.get(id)?.event
  }

  /** Oldest first. */
  list(): readonly SandboxEvent[] {
    return Array.from(this.#deliveries.values(), ({ event }) => event)
  }

  setSender(sender: Sender | undefined): void {
    this.#sender = sender
  }

  /** Cancels what is on its way, and removes all events. */
  clear(): void {
    for (const { timer } of this.#deliveries.values()) timer?.cancel()
    for (const timer of this.#held.values()) timer.cancel()
    this.#deliveries.clear()
    this.#held.clear()
    this.#ongoing.abort()
    this.#ongoing = newController()
  }

  #schedule(delivery: Delivery, dueMs: number): void {
    this.#update(delivery, { status: 'pending', nextAttemptMs: dueMs })
    const begin = () => this.#begin(delivery, delivery.n + 1, 'scheduled')
    delivery.timer = this.#clock.at(dueMs, begin)
  }

  /** An attempt is due: the faults that fire decide whether it is made now. */
  #begin(delivery: Delivery, n: number, kind: PlannedAttempt['kind']): void | Promise<void> {
    if (this.#sender === undefined) return this.#stop(delivery, kind)
    const { notification } = delivery
    const faults = this.#options.faults.takeForAttempt({ ...notification, n })
    const plan = planAttempt(notification, n, faults)
    const attempt: PlannedAttempt = { delivery, n, kind, plan }
    if (plan.holdMs === 0) return this.#send(attempt, this.#sender)
    const timer = this.#sendLater(attempt, this.#clock.now() + plan.holdMs)
    if (plan.untilAnother) this.#held.set(attempt, timer)
    return undefined
  }

  /** The target was removed: the schedule stops. */
  #stop(delivery: Delivery, kind: PlannedAttempt['kind']): void {
    if (kind !== 'scheduled') return
    this.#update(delivery, { status: 'undelivered', nextAttemptMs: undefined })
  }

  #sendLater(attempt: PlannedAttempt, dueMs: number): Timer {
    const { delivery, kind } = attempt
    const timer = this.#clock.at(dueMs, () => {
      this.#held.delete(attempt)
      if (this.#sender === undefined) return this.#stop(delivery, kind)
      return this.#send(attempt, this.#sender)
    })
    if (kind === 'scheduled') {
      delivery.timer = timer
      this.#update(delivery, { nextAttemptMs: dueMs })
    }
    return timer
  }

  async #send({ delivery, n, kind, plan }: PlannedAttempt, sender: Sender): Promise<void> {
    const { id: event, type: eventType } = delivery.notification
    const startedMs = this.#clock.now()
    if (kind === 'scheduled') {
      delivery.n = n
      this.#update(delivery, { nextAttemptMs: undefined })
    }
    const { signal } = this.#ongoing
    const record = (made: Attempt) =>
      this.#update(delivery, { attempts: [...delivery.event.attempts, made] })
    const context = { ...this.#options, sender, signal, record }
    const isReceived = await makeAttempt({ event, eventType, n, kind, plan }, context)
    if (signal.aborted) return
    this.#releaseHeld(delivery)
    if (delivery.event.status === 'delivered') return
    if (isReceived) this.#finish(delivery, 'delivered')
    else if (kind === 'scheduled') this.#retry(delivery, startedMs)
  }

  /** Gaps count from the start of the failed attempt; no two scheduled attempts run at a time. */
  #retry(delivery: Delivery, startedMs: number): void {
    const gapMs = RETRY_GAPS_MS[delivery.n - 1]
    if (gapMs === undefined) {
      this.#finish(delivery, 'exhausted')
      return
    }
    const dueMs = Math.max(startedMs + gapMs, this.#clock.now())
    const { id: event, type: eventType } = delivery.notification
    const retry = { event, eventType, n: delivery.n + 1, dueAt: new Date(dueMs).toISOString() }
    this.#options.journal.write({ type: 'retry.scheduled', ...retry })
    this.#schedule(delivery, dueMs)
  }

  #finish(delivery: Delivery, status: 'delivered' | 'exhausted'): void {
    delivery.timer?.cancel()
    for (const attempt of this.#held.keys()) {
      if (attempt.delivery === delivery && attempt.kind === 'scheduled') this.#held.delete(attempt)
    }
    this.#update(delivery, { status, nextAttemptMs: undefined })
    const { id: event, type: eventType } = delivery.notification
    const attempts = delivery.event.attempts.length
    this.#options.journal.write({ type: `event.${status}`, event, eventType, attempts })
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

  #update(delivery: Delivery, changes: Partial<SandboxEvent>): void {
    delivery.event = { ...delivery.event, ...changes }
    this.#options.onChange(delivery.event)
  }
}

/** Every post listens; by default Node warns at 11 listeners. */
function newController(): AbortController {
  const controller = new AbortController()
  setMaxListeners(0, controller.signal)
  return controller
}

function show(notification: Notification): SandboxEvent {
  const { id, type, created, envelope, orderNo, body, signature } = notification
  return {
    id,
    type,
    created,
    envelope,
    orderNo,
    // A copy: a test that alters it, say to forge an event, must not alter what is sent.
    bytes: Buffer.from(body),
    signature,
    status: 'undelivered',
    attempts: [],
    nextAttemptMs: undefined,
  }
}

export function unknownEvent(id: string): SandboxError {
  const message =
    id === 'last'
      ? 'There is no event yet.'
      : `There is no event with the id ${JSON.stringify(id.slice(0, 64))}.`
  return new SandboxError('event-unknown', message)
}

function noTarget(): SandboxError {
  return new SandboxError(
    'target-invalid',
    'There is no target to send to. Set one first: `target`, or `setTarget(…)`.',
  )
}
