import type { Receiver } from '@hongbao/core'
import {
  nodeHeaders,
  nodeDelivery,
  createMount,
  type KeptBody,
  type MountOptions,
} from '@hongbao/core/adapter'
import type { IncomingMessage } from 'node:http'

/** What the middleware needs of a Koa context; those of Koa 2, Koa 3 and their routers fit. */
export interface KoaContextLike {
  readonly req: IncomingMessage
  readonly request: KeptBody
  readonly app?: unknown
  status: number
  body: unknown
  set(headers: Record<string, string>): void
}

/** A Koa middleware. */
export type KoaMiddleware = (context: KoaContextLike, next: () => Promise<unknown>) => Promise<void>

/**
 * Answers webhooks in a Koa app: `router.post('/webhooks', koaWebhooks(webhooks))`.
 *
 * Mount it above `app.use(bodyParser())`. A router decides the path; for a bare `app.use`, give
 * `{ path: '/webhooks' }` and everything else passes.
 *
 * @throws OptionError if there is no receiver, or for a wrong or unknown option
 */
export function koaWebhooks(receiver: Receiver, options: MountOptions = {}): KoaMiddleware {
  const isMountedAt = createMount('koaWebhooks', receiver, options)

  return async function hongbaoWebhooks(context, next) {
    if (!isMountedAt(context.req.url)) {
      await next()
      return
    }
    const reply = await receiver.handle(
      nodeDelivery(context.req, hintFor(context.app), context.request),
    )
    context.status = reply.status
    context.set(nodeHeaders(context.req, reply))
    context.body = reply.body
  }
}

/** Egg and Midway have body parsers of their own, which a route cannot be moved above. */
function hintFor(app: unknown): string {
  const { config, getMiddleware }: { readonly config?: unknown; readonly getMiddleware?: unknown } =
    Object(app)
  if ('bodyParser' in Object(config)) return EGG_HINT
  return typeof getMiddleware === 'function' ? MIDWAY_HINT : KOA_HINT
}

const KOA_HINT =
  "In Koa, move the router with router.post('/webhooks', koaWebhooks(webhooks)) above app.use(bodyParser())."
const EGG_HINT =
  "In Egg, set config.bodyParser.ignore = '/webhooks' and config.security.csrf.ignore = '/webhooks'."
const MIDWAY_HINT =
  "In Midway, mount it by this.app.getMiddleware().insertFirst(koaWebhooks(webhooks, { path: '/webhooks' })) in onReady."
