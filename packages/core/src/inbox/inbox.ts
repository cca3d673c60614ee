/**
 * Remembers which events were applied, so that each is applied once for as long as it remembers.
 *
 * `Context` is what the inbox passes to handlers while they run, such as a database transaction; it is
 * a part of the handlers' context.
 */
export interface Inbox<Context extends object = NoContext> {
  /**
   * How long an applied key is remembered. At least 97,200 (27 h): Ping++ sends an event again for
   * 24 h 47 min.
   */
  readonly retentionSeconds: number

  /**
   * Runs `work` unless the key was applied before or is being applied now.
   *
   * - `'applied'`: `work` ran, resolved, and the key is remembered from now on.
   * - `'duplicate'`: the key was applied before; `work` did not run.
   * - `'busy'`: another delivery is applying the key now; `work` did not run.
   *
   * If `work` rejects, the key must not be remembered, and `admit` rejects with the same error. If the
   * store fails before `work`, `admit` rejects and `work` has not run. If it fails afterwards, an inbox
   * whose transaction holds the effect rejects: nothing was committed, or the next delivery is a
   * duplicate. An inbox whose effects are elsewhere may return `'applied'` and must keep trying to
   * remember the key, because a rejection would certainly repeat them.
   *
   * An inbox that can lose its claim while `work` runs passes a `signal` to `work`.
   */
  admit(
    key: string,
    work: (context: Context, options?: InboxWorkOptions) => Promise<void>,
  ): Promise<Admission>

  /**
   * Resolves when nothing that was applied is still to be remembered; never rejects. For an inbox that
   * may return `'applied'` before: `webhooks.close()` waits for it, for a limited time.
   */
  flush?(): Promise<void>

  /**
   * Resolves if the inbox could apply an event now: the store answers, its table or script is there,
   * and its settings keep the promise. Rejects otherwise, with an `Error` whose `code` and message say
   * what to change. `webhooks.ready()` passes that error on.
   *
   * It must be safe to call every second, and change nothing that an event depends on.
   */
  ready?(): Promise<void>
}

/** What an inbox may pass to `work` besides the context. */
export interface InboxWorkOptions {
  /**
   * Aborts when the inbox has lost its claim, so that another process may run the event now; its
   * `reason` is an `InboxError`. Handlers receive it as `context.signal`, which also fires at their deadline.
   */
  readonly signal?: AbortSignal | undefined
}

/** Result of `admit`. */
export type Admission = 'applied' | 'duplicate' | 'busy'

/** The context of an inbox that adds nothing to the context of handlers. */
export interface NoContext {}

/** 27 hours: Ping++ sends again for 24 h 47 min, and an app may replay what it has kept. */
export const MIN_RETENTION_SECONDS: number = 27 * 60 * 60
