import type { EventType, RedEnvelope, RedEnvelopeStatus } from '@hongbao/core'
import { refuseUnknown, type SigningKey } from '@hongbao/core/internal'
import { setMaxListeners } from 'node:events'
import { Deliveries, unknownEvent } from '../delivery/deliveries.ts'
import { PROBE, type PostResult, type Sender } from '../delivery/sender.ts'
import { createSender, type Target } from '../delivery/target.ts'
import { closedError, Refusal } from '../errors.ts'
import { createFaults, isSpent, type ActiveFault, type FaultSource } from '../faults/faults.ts'
import type { EngineClock } from '../clock/clock.ts'
import { Envelopes, type CreateParameters, type Creation } from './envelopes.ts'
import { Journal } from '../events/journal.ts'
import {
  editedNotification,
  envelopeNotification,
  sampleNotification,
  type ResendOptions,
} from '../events/notifications.ts'
import type { SandboxEvent } from '../events/sandbox-event.ts'
import type { SavedLine } from '../persist/saved-line.ts'
import type { Settings } from '../options.ts'
import type { RequestLog } from './request-log.ts'
import {
  checkSample,
  readSampleParameters,
  NEXT_ON_RETRIEVE,
  webhookStatusOf,
  type TriggerOptions,
} from './trigger.ts'

type Used = 'target' | 'sendWebhooks' | 'key' | 'responseTimeoutMs' | 'seed' | 'allowRemote'

export interface EngineOptions extends Pick<Settings, Used | 'maxEvents'> {
  readonly clock: EngineClock
  readonly saver?: Saver | undefined
}

/** Keeps what an engine knows, for the next one. */
export interface Saver {
  keep(change: SavedLine): void
  reset(): void
}

/** Ping++'s behaviour, without HTTP: red envelopes, and notifications of their status. */
export class Engine {
  readonly clock: EngineClock
  readonly faults: FaultSource
  readonly journal: Journal
  readonly requests: RequestLog = new Map()
  readonly envelopes: Envelopes
  readonly deliveries: Deliveries
  /** Signs notifications and the API's answers. */
  readonly key: SigningKey
  readonly #options: EngineOptions
  readonly #closed = new AbortController()
  #ongoing = new AbortController()
  #sender: Sender | undefined
  #faultsInForce = 0

  constructor(options: EngineOptions) {
    const { clock, seed, key, responseTimeoutMs, target, maxEvents = Infinity, saver } = options
    const journal = new Journal(clock.now)
    // Every `waitFor` listens; by default Node warns at 11 listeners.
    setMaxListeners(0, this.closed)
    this.#options = options
    this.clock = clock
    this.key = key
    this.journal = journal
    this.faults = createFaults(
      seed,
      ({ id, kind }, subject) => journal.write({ type: 'fault.fired', fault: id, kind, subject }),
      (faults) => this.#onFaults(faults),
    )
    this.deliveries = new Deliveries({
      clock,
      journal,
      faults: this.faults,
      responseTimeoutMs,
      maxEvents,
      keep: (change) => saver?.keep(change),
    })
    this.envelopes = new Envelopes({
      clock,
      // An envelope is still asked for when its events have been removed.
      maxEnvelopes: 2 * maxEvents,
      onChange(entry, request) {
        saver?.keep({ envelope: entry })
        const { id: envelope, order_no: orderNo, status } = entry.envelope
        journal.write({ type: 'envelope.changed', envelope, orderNo, status, request })
      },
    })
    this.#use(target)
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
    return this.#sender?.name ?? null
  }

  /** The parameters have been checked. `request` is the id of the API request. */
  create(parameters: CreateParameters, request?: string): Creation {
    this.#checkOpen()
    const creation = this.envelopes.create(parameters, request)
    if (this.#options.sendWebhooks === 'on-create' && creation.outcome === 'created') {
      const { id } = creation.envelope
      // After the answer, which has the status `sending` (guide, note 1).
      this.clock.at(
        this.clock.now(),
        () => {
          if (this.find(id)?.status === 'sending') this.move(id, 'sent', request)
        },
        'delivery',
      )
    }
    return creation
  }

  /** Returns the envelope, after the step that the retrieve itself causes in `on-retrieve` mode. */
  retrieve(id: string, request?: string): RedEnvelope | undefined {
    const envelope = this.find(id)
    if (envelope === undefined || this.#options.sendWebhooks !== 'on-retrieve') return envelope
    const next = NEXT_ON_RETRIEVE[envelope.status]
    return next === undefined ? envelope : this.move(envelope.id, next, request)
  }

  /** Looks an envelope up by id or order number, without side effects. */
  find(idOrOrderNo: string): RedEnvelope | undefined {
    return this.envelopes.find(idOrOrderNo)
  }

  /** Changes the status of an envelope by hand. @throws SandboxError `envelope-unknown`, `move-invalid` */
  move(idOrOrderNo: string, status: RedEnvelopeStatus, request?: string): RedEnvelope {
    this.#checkOpen()
    const envelope = this.envelopes.move(idOrOrderNo, status, request)
    if (status === 'sent' || status === 'received') {
      this.#notify(`red_envelope.${status}`, envelope, request)
    }
    return envelope
  }

  event(id: string): SandboxEvent | undefined {
    return this.deliveries.find(id)
  }

  /** Oldest first. */
  events(): readonly SandboxEvent[] {
    return this.deliveries.list()
  }

  /** Creates and sends a notification. @throws SandboxError */
  trigger(type: EventType, options: TriggerOptions = {}): SandboxEvent {
    this.#checkOpen()
    refuseUnknown(options, TRIGGER_NAMES)
    const { envelope, object = {} } = options
    const status = webhookStatusOf(type)
    if (status === undefined) {
      checkSample(type, envelope)
      return this.deliveries.add(sampleNotification(type, object, this.#nowSeconds(), this.key))
    }
    const id = envelope ?? this.#createSample(object).id
    const reached = this.envelopes.reach(id, status)
    return this.#notify(type, { ...reached, ...object })
  }

  /**
   * Sends the same bytes again, outside the schedule; with changes, a new event.
   *
   * @throws SandboxError `event-unknown`, `target-invalid`, `option-invalid`
   */
  resend(id: string, options: ResendOptions = {}): SandboxEvent {
    this.#checkOpen()
    refuseUnknown(options, RESEND_NAMES)
    const { object, body, sign } = options
    if (object !== undefined && body !== undefined) {
      throw new Refusal('resend-both')
    }
    if (object === undefined && body === undefined && sign === undefined) {
      return this.deliveries.resend(id)
    }
    const original = this.event(id)
    if (original === undefined) throw unknownEvent(id)
    const isTaken = (each: string) => this.event(each) !== undefined
    const seconds = this.#nowSeconds()
    return this.deliveries.add(editedNotification(original, options, seconds, this.key, isTaken))
  }

  /** @throws SandboxError `target-invalid`, `target-remote` */
  setTarget(target: Target | undefined): void {
    this.#checkOpen()
    this.#use(target)
    this.journal.write({ type: 'target.changed', target: this.target })
  }

  /** Asks whether the app can be reached, without a notification. Resolves with undefined if there is no target. */
  async probe(): Promise<PostResult | undefined> {
    const { responseTimeoutMs: timeoutMs } = this.#options
    return this.#sender?.post({ ...PROBE, timeoutMs }, this.closed)
  }

  /** Cancels what is on its way, removes envelopes, events, timers and faults, and sets the clock back. */
  async reset(): Promise<void> {
    this.#checkOpen()
    this.#clear()
    this.clock.restart()
    this.requests.clear()
    this.#options.saver?.reset()
    this.journal.clear()
    this.journal.write({ type: 'reset' })
  }

  /** Can be called again. */
  async close(): Promise<void> {
    this.#closed.abort()
    this.#clear()
  }

  #onFaults(faults: readonly ActiveFault[]): void {
    this.#options.saver?.keep({ faults })
    const inForce = faults.filter((fault) => !isSpent(fault)).length
    if (inForce !== this.#faultsInForce) this.journal.write({ type: 'faults.changed', inForce })
    this.#faultsInForce = inForce
  }

  #use(target: Target | undefined): void {
    const { allowRemote } = this.#options
    this.#sender = target === undefined ? undefined : createSender(target, allowRemote)
    this.deliveries.setSender(this.#sender)
  }

  #notify(type: string, object: RedEnvelope, request?: string): SandboxEvent {
    const created = this.#nowSeconds()
    return this.deliveries.add(envelopeNotification(type, object, created, this.key, request))
  }

  #createSample(object: Readonly<Record<string, unknown>>): RedEnvelope {
    const parameters = readSampleParameters(object)
    const creation = this.envelopes.create(parameters)
    if (creation.outcome === 'created') return creation.envelope
    throw new Refusal('order-used', { orderNo: parameters.order_no })
  }

  #clear(): void {
    this.envelopes.clear()
    this.faults.clear()
    this.deliveries.clear()
    this.clock.clear()
    this.#ongoing.abort()
    this.#ongoing = new AbortController()
  }

  #nowSeconds(): number {
    return Math.floor(this.clock.now() / 1000)
  }

  #checkOpen(): void {
    if (this.closed.aborted) throw closedError()
  }
}

const TRIGGER_NAMES: Readonly<Record<keyof TriggerOptions, true>> = { envelope: true, object: true }
const RESEND_NAMES: Readonly<Record<keyof ResendOptions, true>> = {
  object: true,
  body: true,
  sign: true,
}
