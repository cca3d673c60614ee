import type { EventType, RedEnvelope, RedEnvelopeStatus } from '@hongbao/core'
import type { Clock } from './clock/clock.ts'
import type { TriggerOptions } from './engine/trigger.ts'
import type { Faults } from './faults/faults.ts'
import type { JournalRecord } from './events/journal.ts'
import type { ResendOptions } from './events/notifications.ts'
import type { SandboxEvent } from './events/sandbox-event.ts'
import type { Target } from './delivery/target.ts'
import type { EventQuery, WaitOptions } from './engine/wait.ts'

/** A variable of `sandbox.env`; `PINGPP_PUBLIC_KEY` is PEM. */
export type SandboxVariable = 'PINGPP_BASE_URL' | 'PINGPP_API_KEY' | 'PINGPP_PUBLIC_KEY'

/** A running local Ping++. */
export interface Sandbox extends AsyncDisposable {
  /** `http://127.0.0.1:…`; the API is below `/v1`. */
  readonly url: string
  /**
   * What an app needs to know of the sandbox, under the names that `hongbao-sandbox env` prints:
   * `spawn('node', ['app.js'], { env: { ...process.env, ...sandbox.env } })`.
   */
  readonly env: Readonly<Record<SandboxVariable, string>>
  /** A key that the API accepts. */
  readonly apiKey: string
  /** Verifies notifications and answers: PEM, for `createWebhooks({ publicKey })`. */
  readonly publicKey: string
  readonly keyFingerprint: string
  /** What the control API demands as `Authorization: Bearer …`; undefined if it demands nothing. */
  readonly controlToken: string | undefined
  /** Where notifications go: a URL, `in-process` for a function, null for nowhere. */
  readonly target: string | null
  readonly clock: Clock
  readonly faults: Faults
  /** The API without HTTP, for `createPingppClient({ fetch: sandbox.fetch })`. */
  readonly fetch: (input: string | URL | Request, init?: RequestInit) => Promise<Response>
  /**
   * Creates and sends a notification.
   *
   * @throws SandboxError `type-without-webhook`, `type-unknown`, `envelope-unknown`, `move-invalid`
   */
  trigger(type: EventType, options?: TriggerOptions): SandboxEvent
  /**
   * Sends the same bytes again, outside the schedule. An event that had no target starts its schedule. With
   * `object` or `body`, an edited copy is sent as a new event, whose `from` is this one.
   *
   * @throws SandboxError `event-unknown`, `option-invalid`; `target-invalid` if there is no target
   */
  resend(id: string, options?: ResendOptions): SandboxEvent
  /**
   * Changes the status of an envelope: the user opens it, the channel fails. `sent` and `received`
   * send their notification.
   *
   * @throws SandboxError `envelope-unknown`, `move-invalid`
   */
  move(idOrOrderNo: string, status: RedEnvelopeStatus): RedEnvelope
  event(id: string): SandboxEvent | undefined
  /** Oldest first. */
  events(query?: EventQuery): readonly SandboxEvent[]
  envelope(idOrOrderNo: string): RedEnvelope | undefined
  /**
   * Resolves with the first event that matches, past or future.
   *
   * @throws SandboxError `wait-timed-out`, whose message shows what happened instead; `closed`
   */
  waitFor(query: EventQuery, options?: WaitOptions): Promise<SandboxEvent>
  /** @throws SandboxError `target-invalid`, `target-remote` */
  setTarget(target: Target | undefined): void
  /** Calls a listener with every record from now on. Returns how to stop. */
  listen(listener: (record: JournalRecord) => void): () => void
  /** Records so far, after a certain one. */
  journal(afterSeq?: number): readonly JournalRecord[]
  /**
   * Removes envelopes, events and faults, and sets the clock back to where it began. Cancels what is on its
   * way: a request that a fault holds back ends as if its connection was lost.
   */
  reset(): Promise<void>
  /** Cancels what is on its way, ends all waits, and closes the server. Can be called again. */
  close(): Promise<void>
}
