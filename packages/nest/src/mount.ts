import type { Receiver } from '@hongbao/core'
import { createMount, nodeDelivery, sendReply } from '@hongbao/core/adapter'
import type { HttpAdapterHost } from '@nestjs/core'
import type { IncomingMessage, ServerResponse } from 'node:http'

/**
 * Mounts the receiver on the HTTP server of the app, as soon as there is one: before the app's own
 * middleware, and before `app.init()`, which adds the body parsers. Without an HTTP server, as in
 * `NestFactory.createApplicationContext`, it does nothing.
 *
 * Returns a function that opens it: before the handlers are registered, events would be `unhandled`, and lost.
 *
 * @throws OptionError if the path could never match
 */
export function mountOnServer(host: HttpAdapterHost, receiver: Receiver, path: string): () => void {
  let isOpen = false
  const isMountedAt = createMount('HongbaoModule', receiver, { path })
  // `createNestApplication` of a testing module makes the adapter after all providers.
  host.init$.subscribe(() => putFirst(host.httpAdapter, hongbaoWebhooks))

  return () => (isOpen = true)

  function hongbaoWebhooks(...[request, response, next]: Parameters<Middleware>): unknown {
    return isOpen && isMountedAt(request.url) ? answerOnNest(request, response, next) : next()
  }

  async function answerOnNest(...[request, response, next]: Parameters<Middleware>): Promise<void> {
    try {
      sendReply(response, await receiver.handle(nodeDelivery(request, HINT)))
    } catch (error) {
      // A wrapper around the response threw an error.
      next(error)
    }
  }
}

type Middleware = (
  request: IncomingMessage,
  response: ServerResponse,
  next: (error?: unknown) => void,
) => unknown

/** Nest types the adapter as always there. */
type Adapter = HttpAdapterHost['httpAdapter'] | null | undefined

function putFirst(adapter: Adapter, middleware: Middleware): void {
  const server = adapter?.getInstance<object>()
  if (server === undefined || !lacksMiddleware(server)) return adapter?.use(middleware)
  server.addHook('onRequest', ({ raw }, reply, done) => middleware(raw, reply.raw, done))
}

/** Fastify without its middleware plugin: a testing module adds that later, `skipMiddie` leaves it out. */
function lacksMiddleware(server: object): server is FastifyLike {
  return 'addHook' in server && !('use' in server)
}

interface FastifyLike {
  addHook(
    name: 'onRequest',
    hook: (
      request: { readonly raw: IncomingMessage },
      reply: { readonly raw: ServerResponse },
      done: (error?: unknown) => void,
    ) => void,
  ): void
}

const HINT =
  'In NestJS, a parser of the Express or Fastify instance that the app passes to its adapter reads the body before HongbaoModule. Leave parsing to Nest: NestFactory.create(AppModule), with { rawBody: true } if other routes need the bytes.'
