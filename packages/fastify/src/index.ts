import type { Receiver } from '@hongbao/core'
import { checkMount, nodeDelivery, nodeHeaders } from '@hongbao/core/adapter'
import type { FastifyBaseLogger, FastifyInstance, FastifyRequest, RegisterOptions } from 'fastify'

/** Options of {@link fastifyWebhooks}. */
export interface FastifyWebhooksOptions {
  /** The receiver made by `createWebhooks`. */
  readonly webhooks: Receiver
  /** The path to answer, below the prefix of the plugin. Default: `'/'`. */
  readonly path?: string | undefined
}

// Fastify hands its own options of `register` on to the plugin.
const NAMES: Readonly<Record<keyof FastifyWebhooksOptions | keyof RegisterOptions, true>> = {
  webhooks: true,
  path: true,
  prefix: true,
  logLevel: true,
  logSerializers: true,
}

/**
 * Answers webhooks in a Fastify app:
 * `await app.register(fastifyWebhooks, { webhooks, path: '/webhooks' })`.
 *
 * Encapsulated: in here every content type reaches hongbao as an unread stream, and outside the
 * app's own parsers stay as they are.
 *
 * @throws OptionError if there is no receiver, or for an unknown option
 */
export async function fastifyWebhooks(
  fastify: FastifyInstance,
  options: FastifyWebhooksOptions,
): Promise<void> {
  checkMount('fastifyWebhooks', options.webhooks, options, NAMES)
  const { webhooks, path = '/' } = options
  fastify.removeAllContentTypeParsers()
  fastify.addContentTypeParser('*', (_request, stream, done) => done(null, stream))
  // Fastify refuses a content type that it cannot read (415) before it looks for a parser.
  fastify.addHook('onRequest', async (request) => {
    request.headers = { 'content-type': 'application/octet-stream' }
  })
  fastify.all(path, async function hongbaoWebhooks(request, response) {
    const delivery = nodeDelivery(request.raw, HINT, request)
    const reply = await webhooks.handle({ ...delivery, logger: loggerOf(request) })
    return response.code(reply.status).headers(nodeHeaders(request.raw, reply)).send(reply.body)
  })
}

/** Without a logger of the app, `request.log` writes nowhere: all its methods are the same. pino's are at `silent`. */
function loggerOf({ log }: FastifyRequest): FastifyBaseLogger | undefined {
  return log.warn !== log.error || 'level' in log ? log : undefined
}

const HINT =
  'In Fastify, a hook of the app (preParsing, onRequest) reads the body: keep it away from the route of fastifyWebhooks, or return a stream of the same bytes.'
