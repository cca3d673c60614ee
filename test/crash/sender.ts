import type { EventType } from '@hongbao/core'
import { eventKey } from '@hongbao/core'
import { parseEvent, WebhookError } from '@hongbao/core/internal'
import { startSandbox, type Sandbox, type SandboxEvent } from '@hongbao/sandbox'
import { seeded } from '../../packages/core/test/seeded.ts'

/** The sandbox in Ping++'s place: it sends when it is allowed to, and again by the schedule. */
export interface Sender {
  readonly publicKey: string
  /** The reading of the clock, and how fast it goes. */
  clock(): { readonly atMs: number; readonly wallMs: number; readonly speed: number }
  /** Makes it send so many events in total; it sends some twice. */
  allow(events: number): void
  /** Resolves when it has begun to send all that it may, and little of it is still on its way. */
  caughtUp(): Promise<void>
  /** Resolves when all that it may send has been answered 2xx, or was of no avail by hand either. */
  settled(): Promise<void>
  /** How many notifications it has begun to send. */
  readonly sent: number
  /** How many of these the schedule abandoned, so that they were sent by hand, as merchants do. */
  readonly givenUp: number
  /** The inbox keys of the events that they report. */
  readonly keys: ReadonlySet<string>
  close(): Promise<void>
}

/**
 * How much faster than real the schedule runs: the first retry comes after half a millisecond, the
 * eleventh and last attempt 8.9 s after the first.
 */
const SPEED = 10_000
/** How many notifications are on their way at the most. */
const MAX_PENDING = 128
/** How often, and how soon, abandoned notifications are sent by hand: for longer than leases and locks last. */
const BY_HAND = { tries: 40, everyMs: 250 }
const SECOND = 1000

export async function startSender(target: string, seed: number): Promise<Sender> {
  const sandbox = await startSandbox({
    clock: SPEED,
    sendWebhooks: 'by-hand',
    target,
    responseTimeoutMs: 2000,
    seed,
  })
  misbehave(sandbox)
  const random = seeded(seed)
  const keys = new Set<string>()
  const pending = new Set<string>()
  const triesByHand = new Map<string, number>()
  let allowed = 0
  let sent = 0
  let waiting: { readonly isOver: () => boolean; readonly resolve: () => void }[] = []

  sandbox.listen((record) => {
    if (record.type === 'event.delivered') settle(record.event)
    if (record.type === 'event.exhausted') sendByHand(record.event)
    if (record.type === 'attempt.finished' && record.kind === 'manual') sendByHand(record.event)
  })

  function settle(id: string): void {
    pending.delete(id)
    fill()
  }

  /** Soon, unless it has been delivered by then. */
  function sendByHand(id: string): void {
    const tries = (triesByHand.get(id) ?? 0) + 1
    triesByHand.set(id, tries)
    if (tries > BY_HAND.tries) {
      settle(id)
      return
    }
    setTimeout(() => {
      if (pending.has(id)) sandbox.resend(id)
    }, BY_HAND.everyMs)
  }

  function fill(): void {
    while (pending.size < MAX_PENDING && keys.size < allowed) {
      for (const event of tell(sandbox, random.below(100))) {
        keys.add(keyOf(event))
        pending.add(event.id)
        sent += 1
      }
    }
    for (const { resolve } of waiting.filter(({ isOver }) => isOver())) resolve()
    waiting = waiting.filter(({ isOver }) => !isOver())
  }

  function until(isOver: () => boolean): Promise<void> {
    if (isOver()) return Promise.resolve()
    return new Promise((resolve) => waiting.push({ isOver, resolve }))
  }

  return {
    publicKey: sandbox.publicKey,
    clock: () => ({ atMs: sandbox.clock.now(), wallMs: Date.now(), speed: SPEED }),
    allow(events) {
      allowed = Math.max(allowed, events)
      fill()
    },
    caughtUp: () => until(() => keys.size >= allowed && pending.size <= MAX_PENDING / 2),
    settled: () => until(() => keys.size >= allowed && pending.size === 0),
    get sent() {
      return sent
    },
    get givenUp() {
      return triesByHand.size
    },
    keys,
    close() {
      pending.clear()
      return sandbox.close()
    },
  }
}

/** What Ping++ and the network between do to notifications. */
function misbehave({ faults }: Sandbox): void {
  const times = Infinity
  faults.add('duplicate', { probability: 0.2, how: 'at-once', times })
  faults.add('answer-lost', { probability: 0.05, times })
  faults.add('reorder', { probability: 0.1, delayMs: 60 * SECOND, times })
}

/**
 * One thing that happens at Ping++, and the one or two notifications of it.
 *
 * @param chance from 0 to 99
 */
function tell(sandbox: Sandbox, chance: number): readonly SandboxEvent[] {
  if (chance < 10) return [sandbox.trigger('charge.succeeded')]
  const event = sandbox.trigger('red_envelope.sent')
  const { envelope } = event
  const again = (type: EventType): SandboxEvent => sandbox.trigger(type, { envelope })
  if (chance < 40) return [event, again('red_envelope.received')]
  // The same step, in an event of another id.
  return chance < 45 ? [event, again('red_envelope.sent')] : [event]
}

function keyOf({ bytes }: SandboxEvent): string {
  const event = parseEvent(bytes)
  const key = event instanceof WebhookError ? undefined : eventKey(event)
  if (key === undefined) throw new Error('The sandbox has made what is no event.')
  return key
}
