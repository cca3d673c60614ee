import type { HonoRequest, MiddlewareHandler } from 'hono'
import { Refusal } from '../../errors.ts'

/**
 * Refuses requests of web pages of other origins: a browser on this machine can reach the server. The
 * Host header is checked by the server itself.
 *
 * - `Origin`, which browsers send with every request that changes something, must be this server's, or that
 *   of the proxy in front of it.
 * - `Sec-Fetch-Site` shows requests without an `Origin`: scripts, images, links.
 * - What changes something must be JSON: a form cannot send that, and a script only after a preflight
 *   (Fetch standard, "CORS-safelisted request-header"), which this server never answers.
 */
export function createGuard(publicUrl: string | undefined): MiddlewareHandler {
  const publicOrigin = publicUrl && new URL(publicUrl).origin

  return async function guard({ req }, next) {
    const origin = req.header('origin') ?? publicOrigin
    if (origin !== publicOrigin && origin !== new URL(req.url).origin)
      throw new Refusal('origin-foreign', { what: 'Origin' })
    refuseUnsafe(req)
    await next()
  }
}

function refuseUnsafe(req: HonoRequest): void {
  const site = req.header('sec-fetch-site')
  if (site !== undefined && site !== 'same-origin' && site !== 'none')
    throw new Refusal('origin-foreign', { what: 'page' })
  if (req.method !== 'GET' && req.method !== 'HEAD' && !isJson(req.header('content-type'))) {
    throw new Refusal('content-type-invalid')
  }
}

function isJson(contentType = ''): boolean {
  return /^application\/json\s*(?:;|$)/i.test(contentType)
}
