import type { Receiver } from '@hongbao/core'
import { fetchDelivery, toResponse } from '@hongbao/core/fetch'

/** What the handler needs of a Hono context. */
export interface HonoContextLike {
  readonly req: {
    readonly raw: Request
    /** Hono keeps what was read, so this works after `c.req.json()` too. */
    arrayBuffer(): Promise<ArrayBuffer>
  }
}

/** A Hono handler. */
export type HonoHandler = (context: HonoContextLike) => Promise<Response>

/**
 * Answers webhooks in a Hono app, on Node, Bun, Deno and Cloudflare Workers:
 * `app.post('/webhooks', honoWebhooks(webhooks))`.
 */
export function honoWebhooks(receiver: Receiver): HonoHandler {
  return async function hongbaoWebhooks({ req }) {
    const delivery = fetchDelivery(req.raw, () => req.arrayBuffer(), HINT)
    return toResponse(await receiver.handle(delivery))
  }
}

const HINT =
  'In Hono, read the body with c.req.json() or c.req.text(), which keep it, and not with c.req.raw; or move the webhook above.'
