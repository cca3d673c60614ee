import type { Receiver } from '@hongbao/core'
import { createMount, fetchDelivery, fetchHeaders } from '@hongbao/core/adapter'
// Not from `adapter`, whose types import those of Node.
import type { WaitUntil } from '@hongbao/core/fetch'

/** What the handler needs of a Hono context. */
export interface HonoContextLike {
  readonly req: {
    readonly raw: Request
    /** Hono keeps what was read, so this works after `c.req.json()` too. */
    arrayBuffer(): Promise<ArrayBuffer>
  }
  /** Throws where the host has none. */
  readonly executionCtx?: { waitUntil(pending: Promise<unknown>): void }
  body(text: string, status: number, headers: Record<string, string>): Response
}

/** A Hono handler, which is a middleware too: undefined if it passed the request to `next`. */
export type HonoHandler = (
  context: HonoContextLike,
  next?: () => Promise<void>,
) => Promise<Response | undefined>

/** Options of {@link honoWebhooks}. Wrong ones are refused at start-up with an `OptionError`. */
export interface HonoWebhooksOptions {
  /**
   * The path to answer, such as `'/webhooks'`, if it is mounted by `app.use`; other paths go to the next
   * middleware. Default: every path that the router passes.
   */
  readonly path?: string | undefined
  /**
   * Keeps the request alive for handlers that pass their deadline, on hosts that freeze a request
   * when it is answered. Default: the `waitUntil` of Hono's execution context, if there is one.
   */
  readonly waitUntil?: WaitUntil | undefined
}

const NAMES: Readonly<Record<keyof HonoWebhooksOptions, true>> = { path: true, waitUntil: true }

/**
 * Answers webhooks in a Hono app, on Node, Bun, Deno and Cloudflare Workers:
 * `app.post('/webhooks', honoWebhooks(webhooks))`.
 *
 * @throws OptionError if there is no receiver, or for a wrong or unknown option
 */
export function honoWebhooks(receiver: Receiver, options: HonoWebhooksOptions = {}): HonoHandler {
  const isMountedAt = createMount('honoWebhooks', receiver, options, NAMES)
  const findWaitUntil = HAS_EXECUTION_CONTEXTS ? waitUntilOf : () => undefined

  return async function hongbaoWebhooks(context, next) {
    const { req } = context
    if (!isMountedAt(req.raw.url)) {
      await next?.()
      return undefined
    }
    const waitUntil = options.waitUntil ?? findWaitUntil(context)
    const delivery = fetchDelivery(req.raw, () => req.arrayBuffer(), HINT, waitUntil)
    const reply = await receiver.handle(delivery)
    // With a `Response` of our own, Hono would drop what middleware has set by `c.header()`.
    return context.body(reply.body, reply.status, fetchHeaders(req.raw, reply))
  }
}

// Hono throws an error where there is none, so it is not asked where there never is one.
const HAS_EXECUTION_CONTEXTS = !/^(?:Node|Bun|Deno)/.test(globalThis.navigator?.userAgent ?? '')

function waitUntilOf(context: HonoContextLike): WaitUntil | undefined {
  try {
    const { executionCtx } = context
    return executionCtx && ((pending) => executionCtx.waitUntil(pending))
  } catch {
    return undefined
  }
}

const HINT =
  'In Hono, read the body with c.req.json() or c.req.text(), which keep it, and not with c.req.raw; or move the webhook above.'
