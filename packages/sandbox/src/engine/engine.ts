import type { EventType, RedEnvelope, RedEnvelopeStatus } from '@hongbao/core'
import { refuseUnknown, type SigningKey } from '@hongbao/core/internal'
import { setMaxListeners } from 'node:events'
import { Deliveries } from '../delivery/deliveries.ts'
import { createSender, type Target } from '../delivery/target.ts'
import { SandboxError } from '../errors.ts'
import { createFaults, type FaultSource } from '../faults/faults.ts'
import type { Clock } from '../clock/clock.ts'
import type { EnvelopePage, EnvelopeQuery } from './envelope-list.ts'
import { Envelopes, type CreateParameters, type Creation, type WebhookStatus } from './envelopes.ts'
import { createJournal, type Journal } from '../events/journal.ts'
import { envelopeNotification, sampleNotification } from '../events/notifications.ts'
import type { SandboxEvent } from '../events/sandbox-event.ts'
import { checkSample, readSampleParameters, webhookStatusOf } from './trigger.ts'

export type { EnvelopePage, EnvelopeQuery } from './envelope-list.ts'
export type { CreateParameters, Creation } from './envelopes.ts'
export type { Attempt, SandboxEvent } from '../events/sandbox-event.ts'

/** When red envelopes cause notifications. */
export type SendWebhooks =
  /** As Ping++'s test mode (guide, note 4): the first retrieve sends `sent`, the second `received`. */
  | 'on-retrieve'
  /** `sent` as soon as the envelope is created; `received` by hand. */
  | 'on-create'
  /** Only by hand. */
  | 'by-hand'

/** Options of `trigger`. */
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

export function createEngine(options: EngineOptions): Engine {
  return new Engine(options)
}

/** Ping++'s behaviour, without HTTP: red envelopes, and notifications of their status. */
export class Engine {
  readonly clock: Clock
  readonly faults: FaultSource
  readonly journal: Journal
  /** Signs notifications and the API's answers. */
  readonly key: SigningKey
  readonly #options: EngineOptions
  readonly #watchers = new Set<(event: SandboxEvent) => void>()
  readonly #envelopes: Envelopes
  readonly #deliveries: Deliveries
  readonly #closed = new AbortController()
  #ongoing = new AbortController()
  #target: string | null = null

  constructor(options: EngineOptions) {
    const { clock, seed, key, responseTimeoutMs, target } = options
    const journal = createJournal(clock.now)
    // Every `waitFor` listens; by default Node warns at 11 listeners.
    setMaxListeners(0, this.closed)
    this.#options = options
    this.clock = clock
    this.key = key
    this.journal = journal
    this.faults = createFaults(seed, ({ id, kind }, subject) => {
      journal.write({ type: 'fault.fired', fault: id, kind, subject })
    })
    this.#deliveries = new Deliveries({
      clock,
      journal,
      faults: this.faults,
      responseTimeoutMs,
      onChange: (event) => {
        for (const watcher of this.#watchers) watcher(event)
      },
    })
    this.#envelopes = new Envelopes(clock, ({ id, order_no: orderNo, status }) => {
      journal.write({ type: 'envelope.changed', envelope: id, orderNo, status })
    })
    this.setTarget(target)
  }

  /** Aborted at the next reset, or at the end: API requests that are held back end then. */
  get cancelled(): AbortSignal {
    return this.#ongoing.signal
  }

  /** Aborted at the end. */
  get closed(): AbortSignal {
    return this.#closed.signal
  }

  /** Where notifications go: a URL, `in-process` for a function, or null. */
  get target(): string | null {
    return this.#target
  }

  /** The parameters have been checked. */
  create(parameters: CreateParameters): Creation {
    this.#checkOpen()
    const creation = this.#envelopes.create(parameters)
    if (this.#options.sendWebhooks === 'on-create' && creation.outcome === 'created') {
      const { id } = creation.envelope
      // After the answer, which has the status `sending` (guide, note 1).
      this.clock.at(this.clock.now(), () => {
        if (this.find(id)?.status === 'sending') this.move(id, 'sent')
      })
    }
    return creation
  }

  /** Returns the envelope, after the step that the retrieve itself causes in `on-retrieve` mode. */
  retrieve(id: string): RedEnvelope | undefined {
    const envelope = this.find(id)
    if (envelope === undefined || this.#options.sendWebhooks !== 'on-retrieve') return envelope
    const next = NEXT_ON_RETRIEVE[envelope.status]
    return next === undefined ? envelope : this.move(envelope.id, next)
  }

  /** Looks an envelope up by id or order number, without side effects. */
  find(idOrOrderNo: string): RedEnvelope | undefined {
    return this.#envelopes.find(idOrOrderNo)
  }

  /** undefined if a cursor is unknown. */
  list(query: EnvelopeQuery): EnvelopePage | undefined {
    return this.#envelopes.list(query)
  }

  /** Changes the status of an envelope by hand. @throws SandboxError `envelope-unknown`, `move-invalid` */
  move(idOrOrderNo: string, status: RedEnvelopeStatus): RedEnvelope {
    this.#checkOpen()
    const envelope = this.#envelopes.move(idOrOrderNo, status)
    if (status === 'sent' || status === 'received') {
      this.#notify(`red_envelope.${status}`, envelope)
    }
    return envelope
  }

  event(id: string): SandboxEvent | undefined {
    return this.#deliveries.find(id)
  }

  /** Oldest first. */
  events(): readonly SandboxEvent[] {
    return this.#deliveries.list()
  }

  /** Creates and sends a notification. @throws SandboxError */
  trigger(type: EventType, options: TriggerOptions = {}): SandboxEvent {
    this.#checkOpen()
    refuseUnknown(options, TRIGGER_NAMES)
    const { envelope, object = {} } = options
    const status = webhookStatusOf(type)
    if (status === undefined) {
      checkSample(type, envelope)
      return this.#deliveries.add(sampleNotification(type, object, this.#nowSeconds(), this.key))
    }
    const id = envelope ?? this.#createSample(object).id
    const reached = this.#envelopes.reach(id, status)
    return this.#notify(type, { ...reached, ...object })
  }

  /** Sends the same bytes again, outside the schedule. @throws SandboxError `event-unknown`, `target-invalid` */
  resend(id: string): SandboxEvent {
    this.#checkOpen()
    return this.#deliveries.resend(id)
  }

  /** Calls a listener with every event that is new or has changed. Returns how to stop. */
  watch(listener: (event: SandboxEvent) => void): () => void {
    this.#watchers.add(listener)
    return () => this.#watchers.delete(listener)
  }

  /** @throws SandboxError `target-invalid`, `target-remote` */
  setTarget(target: Target | undefined): void {
    this.#checkOpen()
    const { allowRemoteTargets } = this.#options
    const sender = target === undefined ? undefined : createSender(target, allowRemoteTargets)
    this.#target = sender?.name ?? null
    this.#deliveries.setSender(sender)
  }

  /** Cancels what is on its way, and removes envelopes, events, timers and faults; the clock stays. */
  async reset(): Promise<void> {
    this.#checkOpen()
    this.#clear()
    this.journal.clear()
    this.journal.write({ type: 'reset' })
  }

  /** Can be called again. */
  async close(): Promise<void> {
    this.#closed.abort()
    this.#clear()
  }

  #notify(type: string, object: RedEnvelope): SandboxEvent {
    return this.#deliveries.add(envelopeNotification(type, object, this.#nowSeconds(), this.key))
  }

  #createSample(object: Readonly<Record<string, unknown>>): RedEnvelope {
    const parameters = readSampleParameters(object)
    const creation = this.#envelopes.create(parameters)
    if (creation.outcome === 'created') return creation.envelope
    throw new SandboxError(
      'option-invalid',
      `There is an envelope for order number ${parameters.order_no}. To trigger an event of it, give it as \`envelope\` (--order-no).`,
    )
  }

  #clear(): void {
    this.#envelopes.clear()
    this.faults.clear()
    this.#deliveries.clear()
    this.clock.clear()
    this.#ongoing.abort()
    this.#ongoing = new AbortController()
  }

  #nowSeconds(): number {
    return Math.floor(this.clock.now() / 1000)
  }

  #checkOpen(): void {
    if (this.closed.aborted) throw new SandboxError('closed', 'The sandbox is closed.')
  }
}

const TRIGGER_NAMES: Readonly<Record<keyof TriggerOptions, true>> = { envelope: true, object: true }

/** Status → the next status at a retrieve in test mode (guide, note 4). */
const NEXT_ON_RETRIEVE: Readonly<Partial<Record<RedEnvelopeStatus, WebhookStatus>>> = {
  sending: 'sent',
  sent: 'received',
}
