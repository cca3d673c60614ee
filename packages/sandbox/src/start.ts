import type { EventType, RedEnvelope, RedEnvelopeStatus } from '@hongbao/core'
import type { PrivateKeyInput, PublicKeyInput } from '@hongbao/core/wire'
import type { Clock } from './clock.ts'
import type { SandboxEvent, Target, TriggerOptions, WebhookMode } from './engine.ts'
import type { Faults } from './faults.ts'
import type { JournalRecord } from './journal.ts'

/** Options of {@link startSandbox}. */
export interface SandboxOptions {
  /** Where notifications go. Default: nowhere; they are kept. */
  readonly target?: Target | undefined
  /** Port of the HTTP server; 0 takes a free one. Default: 0. */
  readonly port?: number | undefined
  /** Address that the server listens on; others than loopback need `allowRemote`. Default: `127.0.0.1`. */
  readonly host?: string | undefined
  /** `'real'`, `'virtual'`, or how many times as fast as real. Default: `'real'`. */
  readonly clock?: 'real' | 'virtual' | number | undefined
  /** When the clock starts, in milliseconds since 1970. Default: now. */
  readonly startMs?: number | undefined
  /** When red envelopes cause notifications. Default: `'on-retrieve'`, as Ping++'s test mode. */
  readonly webhooks?: WebhookMode | undefined
  /** The API keys that are taken. Default: every `sk_test_…`. */
  readonly apiKey?: string | readonly string[] | undefined
  /** The merchant's public key; requests must be signed with its private half. Default: signatures are not checked. */
  readonly merchantPublicKey?: PublicKeyInput | readonly PublicKeyInput[] | undefined
  /**
   * Which requests must be signed: POST and PUT alone, as the guide says, or all; and whether older
   * ways of signing count. Default: `'lenient'`.
   */
  readonly requestSignatures?: 'strict' | 'lenient' | 'off' | undefined
  /** Signs notifications and answers, in Ping++'s place. Default: a key made for this process. */
  readonly privateKey?: PrivateKeyInput | undefined
  /** How long an app may take to answer, in wall-clock milliseconds. Default: 10,000. */
  readonly responseTimeoutMs?: number | undefined
  /** What random faults go by. Default: 1. */
  readonly seed?: number | undefined
  /** Lets notifications go to, and requests come from, other machines. Default: false. */
  readonly allowRemote?: boolean | undefined
}

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
  /** The API without HTTP, for `createClient({ fetch: sandbox.fetch })`. */
  fetch(input: string | URL | Request, init?: RequestInit): Promise<Response>
  /** Makes and sends a notification. */
  trigger(type: EventType, options?: TriggerOptions): SandboxEvent
  /** Sends the same bytes once more, outside the schedule. */
  resend(id: string): SandboxEvent
  /** Moves an envelope on by hand: the user opens it, the channel fails. */
  move(idOrOrderNo: string, status: RedEnvelopeStatus): RedEnvelope
  event(id: string): SandboxEvent | undefined
  events(query?: EventQuery): readonly SandboxEvent[]
  envelope(idOrOrderNo: string): RedEnvelope | undefined
  /** Resolves with the first event that matches, be it past or to come. */
  waitFor(query: EventQuery, options?: WaitOptions): Promise<SandboxEvent>
  setTarget(target: Target | undefined): void
  /** Told of everything from now on. Returns how to stop. */
  listen(listener: (record: JournalRecord) => void): () => void
  /** What happened so far, after a certain record. */
  journal(afterSeq?: number): readonly JournalRecord[]
  /** Forgets envelopes, events and faults; the clock stays. */
  reset(): Promise<void>
  close(): Promise<void>
}

/** Which events are meant; all that is given must match. */
export interface EventQuery {
  readonly id?: string | undefined
  readonly type?: string | undefined
  readonly envelope?: string | undefined
  readonly orderNo?: string | undefined
  readonly status?: SandboxEvent['status'] | undefined
}

export interface WaitOptions {
  /** Wall-clock milliseconds. Default: 5,000. */
  readonly timeoutMs?: number | undefined
}

/** Starts a local Ping++. */
export function startSandbox(_options: SandboxOptions = {}): Promise<Sandbox> {
  throw new Error('not written yet')
}
