import type { EventType, RedEnvelope, RedEnvelopeStatus } from '@hongbao/core'
import { refuseUnknown, type SigningKey } from '@hongbao/core/internal'
import type { Clock } from './clock.ts'
import { createDeliveries } from '../delivery/deliveries.ts'
import type { EnvelopePage, EnvelopeQuery } from './envelope-list.ts'
import {
  createEnvelopes,
  type CreateParameters,
  type Creation,
  type ToldStatus,
} from './envelopes.ts'
import { SandboxError } from '../errors.ts'
import { createFaults, type FaultSource } from '../faults/faults.ts'
import { createJournal, type Journal } from './journal.ts'
import { envelopeNotification, sampleNotification } from './notifications.ts'
import type { SandboxEvent } from './sandbox-event.ts'
import { createSender, type Target } from '../delivery/target.ts'
import { checkSample, readSampleParameters, toldStatusOf } from './trigger.ts'

export type { EnvelopePage, EnvelopeQuery } from './envelope-list.ts'
export type { CreateParameters, Creation } from './envelopes.ts'
export type { Attempt, SandboxEvent } from './sandbox-event.ts'

/** When red envelopes cause notifications. */
export type SendWebhooks =
  /** As Ping++'s test mode (guide, note 4): the first retrieve sends `sent`, the second `received`. */
  | 'on-retrieve'
  /** `sent` as soon as the envelope is created; `received` by hand. */
  | 'on-create'
  /** By hand alone. */
  | 'by-hand'

/** What is to be triggered. */
export interface TriggerOptions {
  /** An envelope that exists, by id or order number. Default: a new one. */
  readonly envelope?: string | undefined
  /** Changes to `data.object`, or to a new envelope. */
  readonly object?: Readonly<Record<string, unknown>> | undefined
}

export interface EngineOptions {
  readonly clock: Clock
  readonly target: Target | undefined
  readonly sendWebhooks: SendWebhooks
  readonly key: SigningKey
  readonly responseTimeoutMs: number
  readonly seed: number
  readonly allowRemoteTargets: boolean
}

/** Ping++'s behaviour, without HTTP: envelopes, their lives, and the notifications that tell of them. */
export interface Engine {
  readonly clock: Clock
  readonly faults: FaultSource
  readonly journal: Journal
  /** Signs what the API answers, with the key that signs notifications. */
  readonly key: SigningKey
  /** Fires when what is on its way is given up: at the next reset, or at the end. */
  readonly givenUp: AbortSignal

  /** The parameters have been checked; `app` and `extra` are there. */
  create(parameters: CreateParameters): Creation
  /** Gives the envelope, after the step that the retrieve itself causes in `on-retrieve` mode. */
  retrieve(id: string): RedEnvelope | undefined
  /** Looks an envelope up by id or order number, and causes nothing. */
  find(idOrOrderNo: string): RedEnvelope | undefined
  /** undefined where a cursor is unknown. */
  list(query: EnvelopeQuery): EnvelopePage | undefined
  /** Moves an envelope on by hand. @throws SandboxError `envelope-unknown`, `move-invalid` */
  move(idOrOrderNo: string, status: RedEnvelopeStatus): RedEnvelope

  event(id: string): SandboxEvent | undefined
  /** Oldest first. */
  events(): readonly SandboxEvent[]
  /** Makes and sends a notification. @throws SandboxError */
  trigger(type: EventType, options?: TriggerOptions): SandboxEvent
  /** Sends the same bytes once more, outside the schedule. @throws SandboxError `event-unknown`, `target-invalid` */
  resend(id: string): SandboxEvent
  /** Tells a listener of every event that is new or has changed. Returns how to stop. */
  watch(listener: (event: SandboxEvent) => void): () => void
  /** Where notifications go: a URL, `in-process` for a function, null for nowhere. */
  readonly target: string | null
  /** @throws SandboxError `target-invalid`, `target-remote` */
  setTarget(target: Target | undefined): void
  /** Gives up what is on its way, and forgets envelopes, events, timers and faults; the clock stays. */
  reset(): Promise<void>
  /** May be called again. */
  close(): Promise<void>
}

export function createEngine(options: EngineOptions): Engine {
  const { clock, sendWebhooks, key, responseTimeoutMs, allowRemoteTargets } = options
  const journal = createJournal(clock.now)
  const faults = createFaults(options.seed, function tell({ id, kind }, subject) {
    journal.write({ type: 'fault.fired', fault: id, kind, subject })
  })
  const watchers = new Set<(event: SandboxEvent) => void>()
  const deliveries = createDeliveries({
    clock,
    journal,
    faults,
    responseTimeoutMs,
    onChange(event) {
      for (const watcher of watchers) watcher(event)
    },
  })
  const envelopes = createEnvelopes(clock, function tell({ id, order_no: orderNo, status }) {
    journal.write({ type: 'envelope.changed', envelope: id, orderNo, status })
  })
  let ongoing = new AbortController()
  let target: string | null = null
  let isClosed = false
  setTarget(options.target)

  function create(parameters: CreateParameters): Creation {
    checkOpen()
    const creation = envelopes.create(parameters)
    if (sendWebhooks === 'on-create' && creation.outcome === 'created') {
      const { id } = creation.envelope
      // Not before the answer, which says `sending` (guide, note 1).
      clock.at(clock.now(), () => {
        if (envelopes.find(id)?.status === 'sending') move(id, 'sent')
      })
    }
    return creation
  }

  function retrieve(id: string): RedEnvelope | undefined {
    const envelope = envelopes.find(id)
    if (envelope === undefined || sendWebhooks !== 'on-retrieve') return envelope
    const next = NEXT_ON_RETRIEVE[envelope.status]
    return next === undefined ? envelope : move(envelope.id, next)
  }

  function move(idOrOrderNo: string, status: RedEnvelopeStatus): RedEnvelope {
    checkOpen()
    const envelope = envelopes.move(idOrOrderNo, status)
    if (status === 'sent' || status === 'received') notify(`red_envelope.${status}`, envelope)
    return envelope
  }

  function notify(type: string, object: RedEnvelope): SandboxEvent {
    return deliveries.add(envelopeNotification(type, object, nowSeconds(), key))
  }

  function trigger(type: EventType, what: TriggerOptions = {}): SandboxEvent {
    checkOpen()
    refuseUnknown(what, TRIGGER_NAMES)
    const { envelope, object = {} } = what
    const status = toldStatusOf(type)
    if (status === undefined) {
      checkSample(type, envelope)
      return deliveries.add(sampleNotification(type, object, nowSeconds(), key))
    }
    const { id } = envelope === undefined ? makeEnvelope(object) : { id: envelope }
    const reached = envelopes.reach(id, status)
    return notify(type, { ...reached, ...object })
  }

  function makeEnvelope(object: Readonly<Record<string, unknown>>): RedEnvelope {
    const parameters = readSampleParameters(object)
    const creation = envelopes.create(parameters)
    if (creation.outcome === 'created') return creation.envelope
    throw new SandboxError(
      'option-invalid',
      `There is an envelope for order number ${parameters.order_no}. To trigger an event of it, give it as \`envelope\` (--order-no).`,
    )
  }

  function setTarget(next: Target | undefined): void {
    checkOpen()
    const sender = next === undefined ? undefined : createSender(next, allowRemoteTargets)
    target = sender?.name ?? null
    deliveries.setSender(sender)
  }

  /** What is on its way is given up: no app hears of it, and whoever waits for an answer gets none. */
  function forget(): void {
    envelopes.clear()
    faults.clear()
    deliveries.clear()
    clock.clear()
    ongoing.abort()
    ongoing = new AbortController()
  }

  function nowSeconds(): number {
    return Math.floor(clock.now() / 1000)
  }

  function checkOpen(): void {
    if (isClosed) throw new SandboxError('closed', 'The sandbox is closed.')
  }

  return {
    clock,
    faults,
    journal,
    key,
    get givenUp() {
      return ongoing.signal
    },
    create,
    retrieve,
    find: (idOrOrderNo) => envelopes.find(idOrOrderNo),
    list: (query) => envelopes.list(query),
    move,
    event: (id) => deliveries.find(id),
    events: () => deliveries.list(),
    trigger,
    resend(id) {
      checkOpen()
      return deliveries.resend(id)
    },
    watch(listener) {
      watchers.add(listener)
      return () => watchers.delete(listener)
    },
    get target() {
      return target
    },
    setTarget,
    async reset() {
      checkOpen()
      forget()
      journal.clear()
      journal.write({ type: 'reset' })
    },
    async close() {
      isClosed = true
      forget()
    },
  }
}

const TRIGGER_NAMES: Readonly<Record<keyof TriggerOptions, true>> = { envelope: true, object: true }

/** Status → what a retrieve in test mode makes of it (guide, note 4). */
const NEXT_ON_RETRIEVE: Readonly<Partial<Record<RedEnvelopeStatus, ToldStatus>>> = {
  sending: 'sent',
  sent: 'received',
}
