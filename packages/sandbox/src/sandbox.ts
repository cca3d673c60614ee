import type { EventType, RedEnvelope, RedEnvelopeStatus } from '@hongbao/core'
import type { Clock } from './clock/clock.ts'
import type { TriggerOptions } from './engine/engine.ts'
import type { Faults } from './faults/faults.ts'
import type { JournalRecord } from './events/journal.ts'
import type { SandboxEvent } from './events/sandbox-event.ts'
import type { Target } from './delivery/target.ts'
import type { EventQuery, WaitOptions } from './engine/wait.ts'

/** A local Ping++ that runs. */
export interface Sandbox extends AsyncDisposable {
  /** `http://127.0.0.1:…`; the API is below `/v1`. */
  readonly url: string
  /** A key that the API takes. */
  readonly apiKey: string
  /** Verifies notifications and answers: PEM, for `createWebhooks({ publicKey })`. */
  readonly publicKey: string
  readonly keyFingerprint: string
  /** Where notifications go now: a URL, `in-process` for a function, null for nowhere. */
  readonly target: string | null
  readonly clock: Clock
  readonly faults: Faults
  /** The API without HTTP, for `createPingppClient({ fetch: sandbox.fetch })`. */
  readonly fetch: (input: string | URL | Request, init?: RequestInit) => Promise<Response>
  /**
   * Makes and sends a notification.
   *
   * @throws SandboxError `type-without-webhook`, `type-unknown`, `envelope-unknown`, `move-invalid`
   */
  trigger(type: EventType, options?: TriggerOptions): SandboxEvent
  /**
   * Sends the same bytes once more, outside the schedule. One that had no target begins its schedule.
   *
   * @throws SandboxError `event-unknown`; `target-invalid` where there is no target
   */
  resend(id: string): SandboxEvent
  /**
   * Moves an envelope on by hand: the user opens it, the channel fails. `sent` and `received` send
   * their notification.
   *
   * @throws SandboxError `envelope-unknown`, `move-invalid`
   */
  move(idOrOrderNo: string, status: RedEnvelopeStatus): RedEnvelope
  event(id: string): SandboxEvent | undefined
  /** Oldest first. */
  events(query?: EventQuery): readonly SandboxEvent[]
  envelope(idOrOrderNo: string): RedEnvelope | undefined
  /**
   * Resolves with the first event that matches, be it past or to come.
   *
   * @throws SandboxError `wait-timed-out`, whose message shows what happened instead; `closed`
   */
  waitFor(query: EventQuery, options?: WaitOptions): Promise<SandboxEvent>
  /** @throws SandboxError `target-invalid`, `target-remote` */
  setTarget(target: Target | undefined): void
  /** Told of everything from now on. Returns how to stop. */
  listen(listener: (record: JournalRecord) => void): () => void
  /** What happened so far, after a certain record. */
  journal(afterSeq?: number): readonly JournalRecord[]
  /**
   * Forgets envelopes, events and faults; the clock stays. Gives up what is on its way: a request that
   * a fault holds back ends as one whose connection is lost.
   */
  reset(): Promise<void>
  /** Gives up what is on its way, ends all waits, and stops to listen. May be called again. */
  close(): Promise<void>
}
