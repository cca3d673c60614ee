import type { Receiver } from '@hongbao/core'
import { fetchDelivery, fetchHeaders } from '@hongbao/core/fetch'

/** What the handler needs of a Hono context. */
export interface HonoContextLike {
  readonly req: {
    readonly raw: Request
    /** Hono keeps what was read, so this works after `c.req.json()` too. */
    arrayBuffer(): Promise<ArrayBuffer>
  }
  body(text: string, status: number, headers: Record<string, string>): Response
}

/** A Hono handler. */
export type HonoHandler = (context: HonoContextLike) => Promise<Response>

/**
 * Answers webhooks in a Hono app, on Node, Bun, Deno and Cloudflare Workers:
 * `app.post('/webhooks', honoWebhooks(webhooks))`.
 */
export function honoWebhooks(receiver: Receiver): HonoHandler {
  return async function hongbaoWebhooks(context) {
    const { req } = context
    const reply = await receiver.handle(fetchDelivery(req.raw, () => req.arrayBuffer(), HINT))
    // With a `Response` of our own, Hono would drop what middleware has set by `c.header()`.
    return context.body(reply.body, reply.status, fetchHeaders(req.raw, reply))
  }
}

const HINT =
  'In Hono, read the body with c.req.json() or c.req.text(), which keep it, and not with c.req.raw; or move the webhook above.'
