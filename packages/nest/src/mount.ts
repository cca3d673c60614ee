import type { Receiver } from '@hongbao/core'
import { createMount, nodeDelivery, sendReply } from '@hongbao/core/adapter'
import type { HttpAdapterHost } from '@nestjs/core'
import type { IncomingMessage, ServerResponse } from 'node:http'

/**
 * Mounts the receiver on the HTTP server of the app, as soon as there is one: before the app's own
 * middleware, and before `app.init()`, which adds the body parsers. Without an HTTP server, as in
 * `NestFactory.createApplicationContext`, it does nothing.
 *
 * @throws OptionError if the path could never match
 */
export function mountOnServer(host: HttpAdapterHost, receiver: Receiver, path: string): void {
  const isMountedAt = createMount('HongbaoModule', receiver, { path })
  // `createNestApplication` of a testing module makes the server after all providers.
  host.init$.subscribe(() => withoutServer(host)?.use(hongbaoWebhooks))

  /** A middleware: on Fastify, Nest runs it before Fastify reads a body. */
  function hongbaoWebhooks(
    request: IncomingMessage,
    response: ServerResponse,
    next: (error?: unknown) => void,
  ): unknown {
    return isMountedAt(request.url) ? answerOnNest(request, response, next) : next()
  }

  async function answerOnNest(
    ...[request, response, next]: Parameters<typeof hongbaoWebhooks>
  ): Promise<void> {
    try {
      sendReply(response, await receiver.handle(nodeDelivery(request, HINT)))
    } catch (error) {
      // A wrapper around the response threw an error.
      next(error)
    }
  }
}

/** Nest types the adapter as always there. */
function withoutServer(host: HttpAdapterHost): HttpAdapterHost['httpAdapter'] | null | undefined {
  return host.httpAdapter
}

const HINT =
  'In NestJS, a parser of the Express or Fastify instance that the app passes to its adapter reads the body before HongbaoModule. Leave parsing to Nest: NestFactory.create(AppModule), with { rawBody: true } if other routes need the bytes.'
