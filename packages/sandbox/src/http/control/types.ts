/**
 * The control API of a sandbox, `/_sandbox`, as types: for its routes, the command line and the
 * inspector. JSON in, JSON out; times are ISO 8601, on the sandbox's clock unless they say otherwise.
 * What changes something needs `content-type: application/json`, also without a body.
 */
import type { FaultKind } from '../../faults/fault-kind.ts'
import type { ActiveFault } from '../../faults/faults.ts'
import type { JournalRecord } from '../../events/journal.ts'
import type {
  Attempt,
  AttemptErrorCode,
  AttemptResponse,
  SandboxEvent,
} from '../../events/sandbox-event.ts'
import type { RedEnvelopeStatus } from '@hongbao/core'
import type { TimerKind } from '../../clock/clock.ts'
import type { SendWebhooks } from '../../engine/trigger.ts'
import type { EventQuery } from '../../engine/wait.ts'
import type { LoggedRequest } from '../../engine/request-log.ts'
import type { ResendOptions } from '../../events/notifications.ts'
import type { SentSignatureVerdict } from './signature-verdict.ts'
import type { SignatureMode } from '../api/request-signature.ts'

/**
 * `GET /stream?event&after`: server-sent events whose `id` is `boot.seq`. `after`, or `Last-Event-ID`, is the
 * last that was seen; of another boot, or greater than the latest, all kept records come. `boot` changes at
 * each start, and `seq` starts at 1 then.
 */
export type ControlRecord = JournalRecord

/** As JSON has it: null for undefined. */
type InJson<Source> = {
  readonly [Name in keyof Source]-?: undefined extends Source[Name]
    ? Exclude<Source[Name], undefined> | null
    : Source[Name]
}

/** Every error; its message is in Chinese if `Accept-Language` prefers it, otherwise in English. */
export interface ErrorAnswer {
  readonly error: {
    readonly code: string
    readonly message: string
    /** Which sentence the message is, and what it names: for the command line, which writes it in Chinese too. */
    readonly reason: string
    readonly about: Readonly<Record<string, string | number>>
  }
}

/** Query of a list. */
export interface ListQuery {
  /** From 1 to 1,000. Default: 100. */
  readonly limit?: string | undefined
  /** `before` of the page that came before: continues with older ones. */
  readonly before?: string | undefined
  /**
   * Words that must all occur in an id, a type, a status or an order number. `type:`, `status:`, `order:`,
   * `envelope:` and `fault:` before a word look only there. The `type` of a request is its method and path; the
   * status has the last answer too, and `failed` for what failed: `500`, `timeout`.
   */
  readonly q?: string | undefined
}

/** Query of `GET /events`; the named fields must be equal. */
export interface EventListQuery extends ListQuery, Omit<EventQuery, 'id'> {}

/** A page: the latest of what matches, oldest first. */
export interface ListAnswer<View> {
  readonly data: readonly View[]
  /** `before` of the next page, of older ones; null if there are none. */
  readonly before: string | null
}

/** `GET /events`: {@link ListAnswer} of these. `POST /trigger { type, envelope, object }` answers one. */
export interface EventView extends InJson<
  Pick<SandboxEvent, 'id' | 'type' | 'status' | 'envelope' | 'orderNo' | 'request' | 'from'>
> {
  readonly created: string
  /** Length of the body. */
  readonly bytes: number
  readonly attemptCount: number
  readonly lastAttempt: AttemptView | null
  readonly nextAttempt: string | null
  /** Kinds of the faults that fired at any attempt. */
  readonly faults: readonly string[]
}

/** `GET /events/:id`, where `:id` may be `last`: an event with body and attempts. */
export interface EventDetail extends EventView {
  /** The body as text; every attempt sends the same bytes, unless its `sent.body` says otherwise. */
  readonly body: string
  /** SHA-256 of the body, in hexadecimal. */
  readonly sha256: string
  /** Value of the signature header; empty if there is none. */
  readonly signature: string
  readonly attempts: readonly AttemptDetail[]
}

export interface AttemptView extends InJson<Omit<Attempt, 'startedMs' | 'sent' | 'response'>> {
  readonly started: string
  /** What the app answered, even if a fault then lost it. */
  readonly status: number | null
}

export interface AttemptDetail extends AttemptView {
  /** What was really sent. */
  readonly sent: {
    readonly url: string
    readonly headers: Readonly<Record<string, string>>
    /** Value of the signature header; null if it was not sent. */
    readonly signature: string | null
    /** Whether an app can verify it; if not: no signature, another body than was signed, or another key. */
    readonly verdict: SentSignatureVerdict
    /** The body in base64, if it was not the event's own bytes. */
    readonly body: string | null
    /** How many bytes of body were sent. */
    readonly bytes: number
  }
  /** `body`: the first 64 KB, decoded as UTF-8, also if it is binary. */
  readonly response: (Omit<AttemptResponse, 'body'> & { readonly body: string }) | null
}

/**
 * Body of `POST /events/:id/resend`, which answers an {@link EventView}, like `DELETE /events/:id/retry`,
 * which cancels the planned attempt. Empty: the same bytes once more, outside the schedule. With
 * `object` or `body`: a new event, whose `from` is this one.
 */
export type ResendBody = ResendOptions

/**
 * `GET /envelopes`: {@link ListAnswer} of these. `GET /envelopes/:id` (id or order number) and
 * `POST /envelopes/:id/move { status }` answer the envelope as Ping++ shows it.
 */
export interface EnvelopeView {
  readonly id: string
  readonly orderNo: string
  readonly status: RedEnvelopeStatus
  /** In fen. */
  readonly amount: number
  readonly created: string
  /** The API request that created it. */
  readonly request: string | null
  /** The statuses that it can move to. */
  readonly moves: readonly RedEnvelopeStatus[]
  /** The statuses so far, oldest first. */
  readonly history: readonly { readonly status: RedEnvelopeStatus; readonly at: string }[]
  /** The step that time brings: an envelope that is not opened is refunded. */
  readonly next: { readonly status: RedEnvelopeStatus; readonly at: string } | null
}

/** `GET /requests`: {@link ListAnswer} of the API's latest requests. */
export type RequestView = InJson<Omit<LoggedRequest, 'headers' | 'body' | 'response'>>

/** `GET /requests/:id`: a request with headers and bodies, and what it caused. */
export interface RequestDetail
  extends RequestView, Pick<LoggedRequest, 'headers' | 'body' | 'response'> {
  /** What it changed, oldest first. */
  readonly changes: readonly {
    readonly envelope: string
    readonly orderNo: string
    readonly status: string
  }[]
  /** Ids of the events that it caused and that are kept. */
  readonly events: readonly string[]
}

/**
 * `GET /faults`: `{ data }` of these; `POST /faults { kind, …fields }` answers one, `DELETE /faults` and
 * `DELETE /faults/:id` `{ removed }`. JSON has no Infinity. Those that have fired as often as they may are not listed.
 */
export type FaultView = Omit<ActiveFault, 'times'> & { readonly times?: number | 'always' }

/**
 * `GET /clock`, `PUT /clock { speed }`, `POST /clock/advance { ms }` or `{ to }` (ISO 8601), `POST /clock/next
 * { kind: 'delivery' (default) or 'any' }`, `POST /clock/drain`; with `moved` from `next`, with `ran` from `drain`.
 */
export interface ClockView {
  readonly now: string
  /** 1 is real time, N is N times as fast, 0 moves only by hand. */
  readonly speed: number
  /** How far it is ahead of this machine's clock, in milliseconds. */
  readonly aheadMs: number
  /** Number of timers of every kind, and when the next is due. */
  readonly pending: number
  readonly next: string | null
  readonly nextKind: TimerKind | null
  /** Number of planned deliveries, and when the next is due. */
  readonly pendingDeliveries: number
  readonly nextDelivery: string | null
}

/** `PUT /target { target }`: a URL, or null. */
export interface TargetView {
  /** A URL, `in-process` for a function, null for nowhere. */
  readonly target: string | null
}

/** `POST /target/probe` sends a GET: whether the app can be reached, without a notification. */
export interface ProbeView extends TargetView {
  /** Whether an answer came, of any status; an app that takes only POST answers 404 or 405. */
  readonly ok: boolean
  readonly status: number | null
  readonly error: string | null
  readonly errorCode: AttemptErrorCode | null
  readonly ms: number
}

/** `GET /state`, `POST /reset`. */
export interface StateView extends TargetView {
  /** Changes at each start. */
  readonly boot: string
  /** `seq` of the latest record. */
  readonly seq: number
  /** Version of the package. */
  readonly version: string
  readonly url: string
  /** Where a proxy serves this sandbox. */
  readonly publicUrl: string | null
  /** The last attempt to the target that was set last; null before the first. */
  readonly lastAttempt: AttemptView | null
  readonly keyFingerprint: string
  readonly publicKey: string
  /** When red envelopes cause notifications. */
  readonly mode: SendWebhooks
  /** How strictly requests must be signed; `off` also if there is no merchant's key. */
  readonly requestSignatures: SignatureMode
  /** Pauses before each retry, in milliseconds. */
  readonly schedule: readonly number[]
  readonly clock: ClockView
  /** Number of events by status. */
  readonly events: Readonly<Record<SandboxEvent['status'], number>>
  /** null for no maximum. */
  readonly maxEvents: number | null
  readonly envelopes: number
  readonly requests: number
  readonly faults: number
  /** Whether events survive a restart. */
  readonly persist: boolean
}

/** `GET /catalogue` */
export interface CatalogueView {
  /** The types that `POST /trigger` takes. */
  readonly eventTypes: readonly {
    readonly type: string
    /** `data.object`, as `trigger` would send it. */
    readonly sample: Readonly<Record<string, unknown>>
  }[]
  readonly faultKinds: readonly {
    readonly kind: FaultKind
    readonly of: 'webhook' | 'api'
    /** Of one aspect, only one fault fires at a time. */
    readonly aspect: string
    readonly fields: readonly {
      readonly name: string
      /** As the end of "must be …". */
      readonly expected: string
    }[]
  }[]
  /** Status → the statuses that can follow. */
  readonly envelopeSteps: Readonly<Record<RedEnvelopeStatus, readonly RedEnvelopeStatus[]>>
}
