import type { Timer } from '../clock/clock.ts'
import type { Notification } from '../events/notifications.ts'
import type { SandboxEvent } from '../events/sandbox-event.ts'

/** A notification on its way. */
export interface Delivery {
  readonly notification: Notification
  /** What is shown of it; replaced at every change. */
  event: SandboxEvent
  /** Number of the last scheduled attempt that was made; 0 before the first. */
  n: number
  timer: Timer | undefined
}

// So many times the maximum may be kept while they are still to be delivered.
const PENDING_FACTOR = 10

/** The deliveries that are kept, oldest first, and how many there are of each status. */
export class KeptDeliveries {
  readonly #byId = new Map<string, Delivery>()
  readonly #max: number
  readonly #onChange: (delivery: Delivery) => void
  #counts = noCounts()

  /** @param onChange called with every delivery that is new or has changed */
  constructor(max: number, onChange: (delivery: Delivery) => void) {
    this.#max = max
    this.#onChange = onChange
  }

  get counts(): Readonly<Record<SandboxEvent['status'], number>> {
    return { ...this.#counts }
  }

  add(delivery: Delivery): void {
    this.#byId.set(delivery.event.id, delivery)
    this.#counts[delivery.event.status] += 1
    this.#onChange(delivery)
  }

  find(id: string): Delivery | undefined {
    return this.#byId.get(id)
  }

  /** Oldest first. */
  list(): readonly Delivery[] {
    return [...this.#byId.values()]
  }

  update(delivery: Delivery, changes: Partial<SandboxEvent>): void {
    const { event } = delivery
    delivery.event = { ...event, ...changes }
    // It may have been removed while it was on its way.
    if (this.#byId.get(event.id) !== delivery) return
    this.#counts[event.status] -= 1
    this.#counts[delivery.event.status] += 1
    this.#onChange(delivery)
  }

  /** The oldest that is no longer to be delivered, if there are too many; undefined if there are not. */
  surplus(): Delivery | undefined {
    const { size } = this.#byId
    if (size <= this.#max) return undefined
    for (const delivery of this.#byId.values()) {
      if (delivery.event.status !== 'pending' || size > PENDING_FACTOR * this.#max) return delivery
    }
    return undefined
  }

  remove({ event, timer }: Delivery): void {
    timer?.cancel()
    this.#byId.delete(event.id)
    this.#counts[event.status] -= 1
  }

  clear(): void {
    for (const { timer } of this.#byId.values()) timer?.cancel()
    this.#byId.clear()
    this.#counts = noCounts()
  }
}

function noCounts(): Record<SandboxEvent['status'], number> {
  return { pending: 0, delivered: 0, exhausted: 0, undelivered: 0 }
}

/** An event that was not sent yet. */
export function show({ body, testCase: _testCase, ...about }: Notification): SandboxEvent {
  return {
    ...about,
    // A copy: a test that alters it, say to forge an event, must not alter what is sent.
    bytes: Buffer.from(body),
    status: 'undelivered',
    attempts: [],
    nextAttemptMs: undefined,
  }
}

/** How records name an event. */
export function aboutOf({ notification: { id, type } }: Delivery): {
  event: string
  eventType: string
} {
  return { event: id, eventType: type }
}
