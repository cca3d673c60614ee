import { copyOf, WebhookError } from '../reply/errors.ts'
import type { HandlerSource } from './handlers.ts'
import type { Result } from './report.ts'

/** Options of `webhooks.dispatch`. */
export interface DispatchOptions {
  /** What handlers get as `context.source`. Default: `'dispatch'`. */
  readonly source?: HandlerSource | undefined
  /** The verified bytes, if there are any. */
  readonly rawBody?: Uint8Array | undefined
  /** When the original delivery was received. Default: now. */
  readonly receivedAt?: Date | undefined
  /** SHA-256 (hexadecimal) of the key that verified it, if one did. */
  readonly keyFingerprint?: string | undefined
}

/** Result of `dispatch`. Only a `rejected` or `failed` one has an `error`. */
export type DispatchResult = AcceptedDispatch | RefusedDispatch

interface DispatchBase {
  /** True if the event was already being applied in this process, and this is how that ended. */
  readonly shared?: boolean
}

interface AcceptedDispatch extends DispatchBase {
  readonly outcome: 'handled' | 'duplicate' | 'unhandled'
}

interface RefusedDispatch extends DispatchBase {
  readonly outcome: 'rejected' | 'failed'
  /** Has a `code`; its `cause` is what a handler or the inbox threw. */
  readonly error: WebhookError
  /**
   * With the code `handler-timed-out`: the result once the handlers have settled, however long after
   * the deadline. Never rejects. Wait for it before a retry: until then the event is being applied.
   */
  readonly finalResult?: Promise<DispatchResult>
}

/** How a dispatched event ended. */
export interface Dispatched {
  readonly result: Result
  /** Whether another delivery started the execution. */
  readonly shared?: boolean | undefined
  /** With an execution: its result after the handlers have settled. */
  readonly end?: Promise<Result> | undefined
}

/** Returns the same for the app, whose errors are its own. */
export function dispatchResult({ result, shared, end }: Dispatched): DispatchResult {
  const base = shared === true ? { shared } : undefined
  if (!(result instanceof WebhookError)) return { outcome: result, ...base }
  const refused = { outcome: result.outcome, error: copyOf(result), ...base }
  if (result.code !== 'handler-timed-out' || end === undefined) return refused
  return { ...refused, finalResult: end.then((last) => dispatchResult({ result: last })) }
}
