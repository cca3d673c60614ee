import { createAttempts } from './attempt.ts'
import type { Clock, Timer } from '../engine/clock.ts'
import { SandboxError } from '../errors.ts'
import { planAttempt, type AttemptPlan } from '../faults/fault-plan.ts'
import type { FaultSource } from '../faults/faults.ts'
import type { Journal } from '../engine/journal.ts'
import type { Notification } from '../engine/notifications.ts'
import type { SandboxEvent } from '../engine/sandbox-event.ts'
import { RETRY_GAPS_MS } from './schedule.ts'
import type { Sender } from './sender.ts'

/** Brings notifications to the app: at once, and again by the schedule until a 2xx. */
export interface Deliveries {
  /** Starts to deliver; nothing is sent before this returns. */
  add(notification: Notification): SandboxEvent
  /** @throws SandboxError `event-unknown`, `target-invalid` where there is no target */
  resend(id: string): SandboxEvent
  find(id: string): SandboxEvent | undefined
  /** Oldest first. */
  list(): readonly SandboxEvent[]
  setSender(sender: Sender | undefined): void
  /** Gives up what is on its way, and forgets everything. */
  clear(): void
}

export interface DeliveriesOptions {
  readonly clock: Clock
  readonly journal: Journal
  readonly faults: FaultSource
  readonly responseTimeoutMs: number
  /** Told of every event that is new or has changed. */
  readonly onChange: (event: SandboxEvent) => void
}

/** A notification on its way. */
interface Delivery {
  readonly notification: Notification
  /** What is shown of it; replaced at every change. */
  event: SandboxEvent
  /** Number of the last attempt of the schedule that was made; 0 before the first. */
  n: number
  /** The next attempt of the schedule. */
  timer: Timer | undefined
}

/** One attempt that is to be made. */
interface PlannedAttempt {
  readonly delivery: Delivery
  readonly n: number
  readonly kind: 'scheduled' | 'manual'
  readonly plan: AttemptPlan
}

export function createDeliveries(options: DeliveriesOptions): Deliveries {
  const { clock, journal, faults, onChange } = options
  const attempts = createAttempts(clock, journal, options.responseTimeoutMs)
  const deliveries = new Map<string, Delivery>()
  /** Attempts that wait for another notification to be sent first. */
  const held = new Map<PlannedAttempt, Timer>()
  let sender: Sender | undefined

  function add(notification: Notification): SandboxEvent {
    const { id, type, envelope, orderNo, body } = notification
    const delivery: Delivery = { notification, event: show(notification), n: 0, timer: undefined }
    deliveries.set(id, delivery)
    if (sender === undefined) onChange(delivery.event)
    else schedule(delivery, clock.now())
    journal.write({
      type: 'event.created',
      event: id,
      eventType: type,
      envelope: envelope ?? null,
      orderNo: orderNo ?? null,
      bytes: body.length,
    })
    return delivery.event
  }

  function schedule(delivery: Delivery, dueMs: number): void {
    update(delivery, { status: 'pending', nextAttemptMs: dueMs })
    delivery.timer = clock.at(dueMs, () => begin(delivery, delivery.n + 1, 'scheduled'))
  }

  function resend(id: string): SandboxEvent {
    const delivery = deliveries.get(id)
    if (delivery === undefined) throw unknownEvent(id)
    if (sender === undefined) throw noTarget()
    // What never had a target is not behind its schedule; that begins now.
    if (delivery.event.status === 'undelivered') schedule(delivery, clock.now())
    else clock.at(clock.now(), () => begin(delivery, Math.max(1, delivery.n), 'manual'))
    return delivery.event
  }

  /** An attempt is due: which faults fire decides whether it is made now. */
  function begin(
    delivery: Delivery,
    n: number,
    kind: PlannedAttempt['kind'],
  ): void | Promise<void> {
    if (sender === undefined) return strand(delivery, kind)
    const { notification } = delivery
    const plan = planAttempt(notification, n, faults.takeForAttempt({ ...notification, n }))
    const attempt: PlannedAttempt = { delivery, n, kind, plan }
    return plan.holdMs > 0 ? hold(attempt) : send(attempt, sender)
  }

  /** There is no target any more, so the schedule stops. */
  function strand(delivery: Delivery, kind: PlannedAttempt['kind']): void {
    if (kind === 'scheduled') update(delivery, { status: 'undelivered', nextAttemptMs: undefined })
  }

  function hold(attempt: PlannedAttempt): void {
    const { plan } = attempt
    const timer = sendLater(attempt, clock.now() + plan.holdMs)
    if (plan.untilAnother) held.set(attempt, timer)
  }

  function sendLater(attempt: PlannedAttempt, dueMs: number): Timer {
    const { delivery, kind } = attempt
    const timer = clock.at(dueMs, function sendHeld() {
      held.delete(attempt)
      return sender === undefined ? strand(delivery, kind) : send(attempt, sender)
    })
    if (kind === 'scheduled') {
      delivery.timer = timer
      update(delivery, { nextAttemptMs: dueMs })
    }
    return timer
  }

  async function send(attempt: PlannedAttempt, to: Sender): Promise<void> {
    const { delivery, n, kind, plan } = attempt
    const { id: event, type: eventType } = delivery.notification
    const startedMs = clock.now()
    if (kind === 'scheduled') {
      delivery.n = n
      update(delivery, { nextAttemptMs: undefined })
    }
    const order = { event, eventType, n, kind, plan }
    const outcome = await attempts.make(order, to, function record(made) {
      update(delivery, { attempts: [...delivery.event.attempts, made] })
    })
    if (outcome === 'given-up') return
    release(delivery)
    if (delivery.event.status === 'delivered') return
    if (outcome === 'received') finish(delivery, 'delivered')
    else if (kind === 'scheduled') tryAgain(delivery, startedMs)
  }

  /** Gaps count from the start of the attempt that failed, and no two attempts run at a time. */
  function tryAgain(delivery: Delivery, startedMs: number): void {
    const gapMs = RETRY_GAPS_MS[delivery.n - 1]
    if (gapMs === undefined) {
      finish(delivery, 'exhausted')
      return
    }
    const dueMs = Math.max(startedMs + gapMs, clock.now())
    const { id: event, type: eventType } = delivery.notification
    const dueAt = new Date(dueMs).toISOString()
    journal.write({ type: 'retry.scheduled', event, eventType, n: delivery.n + 1, dueAt })
    schedule(delivery, dueMs)
  }

  function finish(delivery: Delivery, status: 'delivered' | 'exhausted'): void {
    delivery.timer?.cancel()
    for (const attempt of held.keys()) {
      if (attempt.delivery === delivery && attempt.kind === 'scheduled') held.delete(attempt)
    }
    update(delivery, { status, nextAttemptMs: undefined })
    const { id: event, type: eventType } = delivery.notification
    const { length } = delivery.event.attempts
    journal.write({ type: `event.${status}`, event, eventType, attempts: length })
  }

  /** One was sent, so those that waited for another one may go. */
  function release(sent: Delivery): void {
    for (const [attempt, timer] of held) {
      if (attempt.delivery === sent) continue
      held.delete(attempt)
      timer.cancel()
      sendLater(attempt, clock.now())
    }
  }

  function update(delivery: Delivery, changes: Partial<SandboxEvent>): void {
    delivery.event = { ...delivery.event, ...changes }
    onChange(delivery.event)
  }

  function clear(): void {
    for (const { timer } of deliveries.values()) timer?.cancel()
    for (const timer of held.values()) timer.cancel()
    deliveries.clear()
    held.clear()
    attempts.giveUp()
  }

  return {
    add,
    resend,
    find: (id) => deliveries.get(id)?.event,
    list: () => Array.from(deliveries.values(), ({ event }) => event),
    setSender(next) {
      sender = next
    },
    clear,
  }
}

function show(notification: Notification): SandboxEvent {
  const { id, type, created, envelope, orderNo, body, signature } = notification
  return {
    id,
    type,
    created,
    envelope,
    orderNo,
    // A copy: whoever alters it, say for a forgery, must not alter what is sent.
    bytes: Buffer.from(body),
    signature,
    status: 'undelivered',
    attempts: [],
    nextAttemptMs: undefined,
  }
}

function unknownEvent(id: string): SandboxError {
  return new SandboxError(
    'event-unknown',
    `There is no event with the id ${JSON.stringify(id.slice(0, 64))}.`,
  )
}

function noTarget(): SandboxError {
  return new SandboxError(
    'target-invalid',
    'There is no target to send to. Set one first: `target`, or `setTarget(…)`.',
  )
}
