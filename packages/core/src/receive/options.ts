import { createAcceptance, type Acceptance } from './acceptance.ts'
import type { BodyLimits } from './delivery.ts'
import type { WebhookHandlers } from './handlers.ts'
import { MIN_RETENTION_SECONDS, type Inbox, type NoContext } from '../inbox/inbox.ts'
import {
  readPublicKeys,
  type PublicKeyFunction,
  type PublicKeys,
  type VerificationKey,
} from '../keys/public-key.ts'
import type { Logger } from '../options/logger.ts'
import { memoryInbox } from '../inbox/memory-inbox.ts'
import { guard, optional, readSettings, wrong, type Completed } from '../options/settings.ts'
import {
  asGiven,
  callback,
  clock,
  flag,
  milliseconds,
  oneOf,
  readApps,
  readLogger,
  whole,
} from '../options/readers.ts'
import type { Hooks, WebhookReport } from './report.ts'

/** Options of `createWebhooks`. Wrong ones are refused at start-up with an `OptionError`. */
export interface WebhooksOptions<Context extends object = NoContext> {
  /**
   * The Ping++ public key of the account, or several while keys are rotated: PEM in any layout,
   * bare base64, bytes, a `KeyObject` or `{ path }`. From the dashboard: company name, developer
   * information, Ping++ public key (guide, step 5).
   *
   * Or a function, sync or async, that returns the same, so that a rotation needs no restart. It is
   * called when the first key is needed; its keys are kept for 10 minutes, and it is called again
   * after a `signature-mismatch`, once in 30 s at most. It has 5 s. If it fails, or returns
   * something that cannot be a Ping++ key, the last good keys stay in use; a delivery
   * that they do not verify gets 500 `key-unavailable` then, as every delivery does without any.
   */
  readonly publicKey: PublicKeys | PublicKeyFunction | undefined
  /**
   * Id of the app whose events are accepted, or several. Default: every app of the account. Given but
   * undefined or null, it is refused: leave it out to accept every app.
   */
  readonly app?: string | readonly string[]
  /**
   * Accept live events only (`true`) or test events only (`false`). Default: both. Given but
   * undefined or null, it is refused: leave it out to accept both.
   */
  readonly livemode?: boolean
  /**
   * Remembers which events were applied. Default: `memoryInbox()`, for one process. Given but
   * undefined or null, it is refused: leave it out for the default.
   */
  readonly inbox?: Inbox<Context>
  /**
   * Handlers to begin with, event type → handler: the same as `webhooks.on(handlers)`. Given but
   * undefined, it is refused: leave it out to register handlers with `webhooks.on`.
   */
  readonly on?: WebhookHandlers<NoInfer<Context>>
  /**
   * How long handlers may take before the delivery is answered 500, so that Ping++ sends it again, in
   * milliseconds. Default: 5,000.
   */
  readonly handlerTimeoutMs?: number | undefined
  /** Largest body, in bytes. Default: 262,144 (256 KiB). */
  readonly maxBodyBytes?: number | undefined
  /** How long a body may take to arrive, in milliseconds. Default: 10,000. */
  readonly bodyTimeoutMs?: number | undefined
  /**
   * Result of an event without a handler: `'accept'`, the outcome `unhandled` (200), or
   * `'fail'`, the outcome `failed` with the code `no-handler` (500), so that it is sent again. The same
   * for `dispatch`. Default: `'accept'`.
   */
  readonly unhandled?: 'accept' | 'fail' | undefined
  /**
   * Age from which a verified event is refused as `event-too-old`, in seconds. Default: the
   * retention of the inbox, less an hour. `Infinity` accepts any age, replays of old deliveries included.
   */
  readonly maxEventAgeSeconds?: number | undefined
  /**
   * Called once for every delivery and every dispatched event: for logs, metrics and traces. May be
   * async; errors that it throws are ignored.
   */
  readonly onReport?: ((report: WebhookReport) => void | Promise<void>) | undefined
  /**
   * Called with every error thrown by a handler, the inbox or the function `publicKey`, unchanged: for
   * error tracking. May be async; errors that it throws are ignored.
   */
  readonly onError?: ((error: unknown, report: WebhookReport) => void | Promise<void>) | undefined
  /**
   * Gets one line for each failure, with its facts as fields; `false` for none. Default: `console`; in
   * Fastify `request.log`, if the app has a logger.
   */
  readonly logger?: Logger | false | undefined
  /** The clock, in milliseconds since 1970. Default: `Date.now`. */
  readonly now?: (() => number) | undefined
  /** Accept the example keys of Ping++'s SDKs, which anyone can download: for demos. Default: `false`. */
  readonly allowPublishedKeys?: boolean | undefined
}

/** The options, checked and completed. */
export interface Settings<Context extends object> extends Completed<
  Pick<
    WebhooksOptions<Context>,
    'inbox' | 'handlerTimeoutMs' | 'unhandled' | 'now' | 'allowPublishedKeys'
  >
> {
  readonly keys: readonly VerificationKey[] | PublicKeyFunction
  readonly acceptance: Acceptance
  readonly on: WebhookHandlers<Context> | undefined
  readonly limits: BodyLimits
  readonly hooks: Hooks
  /** Undefined if the app named none: then a delivery may bring its own. */
  readonly logger: Logger | undefined
}

const CLOCK_SKEW_SECONDS = 60 * 60
const MIN_EVENT_AGE_SECONDS = 26 * 60 * 60

/** @throws OptionError */
export function readOptions<Context extends object>(
  options: WebhooksOptions<Context>,
): Settings<Context> {
  const {
    publicKey,
    app,
    livemode,
    inbox = defaultInbox<Context>(),
    maxBodyBytes,
    bodyTimeoutMs,
    maxEventAgeSeconds,
    onReport,
    onError,
    ...rest
  } = readSettings('`createWebhooks`', options, {
    publicKey: asGiven(),
    app: guard('accept the events of every app', optional(readApps)),
    livemode: guard('accept live and test events', optional(flag)),
    inbox: guard('remember applied events in the memory of this process', optional(readInbox)),
    on: guard('register handlers with `webhooks.on`', asGiven()),
    handlerTimeoutMs: optional(milliseconds, 5000),
    maxBodyBytes: optional(whole(1, Infinity, ' of bytes'), 256 * 1024),
    bodyTimeoutMs: optional(milliseconds, 10_000),
    unhandled: optional(oneOf('accept', 'fail'), 'accept'),
    maxEventAgeSeconds: asGiven(),
    onReport: optional(callback()),
    onError: optional(callback()),
    logger: optional(readLogger),
    now: optional(clock, Date.now),
    allowPublishedKeys: optional(flag, false),
  })
  // Node's own clock does not fail.
  const now = rest.now === Date.now ? Date.now : withoutThrowing(rest.now)
  return {
    ...rest,
    keys:
      typeof publicKey === 'function'
        ? publicKey
        : readPublicKeys(publicKey, rest.allowPublishedKeys),
    acceptance: createAcceptance({
      apps: app,
      livemode,
      maxEventAgeSeconds: readMaxAge(maxEventAgeSeconds, inbox.retentionSeconds),
      now,
    }),
    inbox,
    limits: { maxBytes: maxBodyBytes, timeoutMs: bodyTimeoutMs },
    hooks: { onReport, onError },
    now,
  }
}

function defaultInbox<Context extends object>(): Inbox<Context> {
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- without an inbox `Context` is that of the memory inbox: empty
  return memoryInbox() as Inbox<Context>
}

function readInbox<Context extends object>(inbox: Inbox<Context>): Inbox<Context> {
  if (typeof inbox?.admit !== 'function') throw wrong('inbox', 'an inbox, such as `memoryInbox()`')
  if (inbox.retentionSeconds >= MIN_RETENTION_SECONDS) return inbox
  throw wrong('inbox', 'an inbox whose `retentionSeconds` is 97,200 (27 h) or more')
}

function readMaxAge(seconds: number | undefined, retentionSeconds: number): number {
  const longest = retentionSeconds - CLOCK_SKEW_SECONDS
  if (seconds === undefined) return longest
  const isKept = seconds >= MIN_EVENT_AGE_SECONDS && seconds <= longest
  if (typeof seconds === 'number' && (isKept || seconds === Infinity)) return seconds
  throw wrong(
    'maxEventAgeSeconds',
    `from 93,600 (26 h; Ping++ sends an event again for 24 h 47 min) to ${longest}, which the inbox remembers, or Infinity`,
  )
}

/** Returns NaN if the clock fails: then every event is too old, is refused, and is sent again. */
function withoutThrowing(now: () => number): () => number {
  return function safeNow() {
    try {
      // oxlint-disable-next-line typescript/no-unnecessary-type-conversion -- JavaScript may return a BigInt
      return Number(now())
    } catch {
      return Number.NaN
    }
  }
}
