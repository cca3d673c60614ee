import type { EventType, RedEnvelope, RedEnvelopeStatus } from '@hongbao/core'
import type { SigningKey } from '@hongbao/core/wire'
import type { Clock } from './clock.ts'
import type { Faults, FaultSource } from './faults.ts'
import type { AttemptKind, Journal } from './journal.ts'

/** Where notifications go: a URL, or the app itself, in this process. */
export type Target = string | URL | ((request: Request) => Response | Promise<Response>)

/** When red envelopes cause notifications. */
export type WebhookMode =
  /** As Ping++'s test mode (guide, note 4): the first retrieve sends `sent`, the second `received`. */
  | 'on-retrieve'
  /** `sent` as soon as the envelope is created; `received` by hand. */
  | 'on-create'
  /** By hand alone. */
  | 'by-hand'

/** A notification and what became of it. */
export interface SandboxEvent {
  readonly id: string
  readonly type: string
  /** Unix time in seconds, on the sandbox's clock. */
  readonly created: number
  readonly envelope: string | undefined
  readonly orderNo: string | undefined
  /** The body, the same bytes on every attempt. */
  readonly bytes: Buffer
  /** The header's value; signed once. */
  readonly signature: string
  /** `undelivered`: there is no target. */
  readonly status: 'pending' | 'delivered' | 'exhausted' | 'undelivered'
  readonly attempts: readonly Attempt[]
  /** When it is sent again, in milliseconds since 1970 on the sandbox's clock. */
  readonly nextAttemptMs: number | undefined
}

/** One post of a notification. */
export interface Attempt {
  /** 1 to 11 by the schedule; duplicates share the number of their attempt, and manual ones have that of the last. */
  readonly n: number
  readonly kind: AttemptKind
  /** On the sandbox's clock. */
  readonly startedMs: number
  /** How long it took, in wall-clock milliseconds. */
  readonly ms: number
  /** Whether it counts as received: 2xx, and no fault that lost the answer. */
  readonly ok: boolean
  /** What the app answered; undefined where no answer came. */
  readonly response: AttemptResponse | undefined
  /** Why no answer came. */
  readonly error: string | undefined
  readonly faults: readonly string[]
}

/** What the app answered. */
export interface AttemptResponse {
  readonly status: number
  readonly headers: Readonly<Record<string, string>>
  /** The first 64 KB. */
  readonly body: Buffer
  readonly truncated: boolean
}

/** What became of a create. */
export type Creation =
  /** `existing`: the same order number with the same parameters came before. */
  | { readonly outcome: 'created' | 'existing'; readonly envelope: RedEnvelope }
  /** The order number was used with other parameters. */
  | { readonly outcome: 'conflict' }

/** What is to be triggered. */
export interface TriggerOptions {
  /** An envelope that exists, by id or order number. Default: a new one. */
  readonly envelope?: string | undefined
  /** Changes to `data.object`, or to a new envelope. */
  readonly object?: Readonly<Record<string, unknown>> | undefined
}

/** What a list is narrowed to; `created` in Unix seconds. */
export interface EnvelopeQuery {
  readonly limit: number
  readonly startingAfter?: string | undefined
  readonly endingBefore?: string | undefined
  readonly app?: string | undefined
  readonly channel?: string | undefined
  readonly status?: string | undefined
  readonly created?: {
    readonly gt?: number | undefined
    readonly gte?: number | undefined
    readonly lt?: number | undefined
    readonly lte?: number | undefined
  }
}

/** A page, newest first. */
export interface EnvelopePage {
  readonly data: readonly RedEnvelope[]
  readonly hasMore: boolean
}

export interface EngineOptions {
  readonly clock: Clock
  readonly target: Target | undefined
  readonly webhooks: WebhookMode
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
  /** Sends the same bytes once more, outside the schedule. @throws SandboxError `event-unknown` */
  resend(id: string): SandboxEvent
  /** @throws SandboxError `target-invalid`, `target-remote` */
  setTarget(target: Target | undefined): void
  /** Forgets envelopes, events, timers and faults; the clock stays. */
  reset(): Promise<void>
  close(): Promise<void>
}

/** What an envelope is made of: the parameters of `POST /v1/red_envelopes`. */
export interface CreateParameters {
  readonly app: string
  readonly channel: string
  readonly order_no: string
  readonly amount: number
  readonly currency: string
  readonly recipient: string
  readonly subject: string
  readonly body: string
  readonly description: string
  readonly extra: Readonly<Record<string, unknown>>
  readonly metadata: Readonly<Record<string, unknown>>
}

export type { Faults }
