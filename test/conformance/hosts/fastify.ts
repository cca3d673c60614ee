import type { Receiver } from '@hongbao/core'
import { fastifyWebhooks } from '@hongbao/fastify'
import Fastify, { type FastifyInstance } from 'fastify'
import { createRequire } from 'node:module'
import type { AddressInfo } from 'node:net'
import { Readable } from 'node:stream'
import { buffer } from 'node:stream/consumers'
import type { Host, Mount, RunningHost } from '../host.ts'

const require = createRequire(import.meta.url)

/** What stands behind most packages that make streams; these are no instances of Node's classes. */
const streamPackages: readonly (readonly [string, typeof import('node:stream')])[] = [
  ['readable-stream 4', require('readable-stream')],
  ['readable-stream 3', require('readable-stream3')],
]

export const fastifyHost: Host = {
  name: 'fastify 5',
  async start(webhooks) {
    const app = Fastify()
    await app.register(fastifyWebhooks, { webhooks, path: '/webhooks' })
    app.post('/orders', async (request) => request.body)
    return listenFastify(app)
  },
  withoutHost: 200,
  hint: /hook of the app .*keep it away from the route of fastifyWebhooks/,
  mounts: [
    on('below a prefix', 'handled', async (app, webhooks) => {
      await app.register(fastifyWebhooks, { webhooks, prefix: '/webhooks' })
    }),
    on('in an app with a JSON parser of its own [G10]', 'handled', async (app, webhooks) => {
      app.removeContentTypeParser('application/json')
      app.addContentTypeParser('application/json', { parseAs: 'string' }, async () => 'parsed')
      app.post('/orders', async (request) => ({ body: request.body }))
      await app.register(fastifyWebhooks, { webhooks, path: '/webhooks' })
    }),
    on('in an app with a parser for every type [G10]', 'handled', async (app, webhooks) => {
      app.addContentTypeParser('*', { parseAs: 'buffer' }, async () => 'parsed')
      await app.register(fastifyWebhooks, { webhooks, path: '/webhooks' })
    }),
    on(
      'below a preParsing hook that keeps request.rawBody [G10]',
      'handled',
      async (app, webhooks) => {
        app.addHook('preParsing', async (request, _reply, payload) => {
          const rawBody = await buffer(payload)
          Object.assign(request, { rawBody })
          return Readable.from(rawBody)
        })
        await app.register(fastifyWebhooks, { webhooks, path: '/webhooks' })
      },
    ),
    on(
      'below a preParsing hook that returns another stream [G10]',
      'handled',
      async (app, webhooks) => {
        app.addHook('preParsing', async (_request, _reply, payload) =>
          Readable.from(await buffer(payload)),
        )
        await app.register(fastifyWebhooks, { webhooks, path: '/webhooks' })
      },
    ),
    on(
      'below a preParsing hook that returns the stream that it got [G21]',
      'handled',
      async (app, webhooks) => {
        app.addHook('preParsing', async (_request, _reply, payload) => payload)
        await app.register(fastifyWebhooks, { webhooks, path: '/webhooks' })
      },
    ),
    ...streamPackages.map(([name, { PassThrough }]) =>
      on(
        `below a preParsing hook that returns a stream of ${name} [G21]`,
        'handled',
        async (app, webhooks) => {
          app.addHook('preParsing', async (_request, _reply, payload) =>
            new PassThrough().end(await buffer(payload)),
          )
          await app.register(fastifyWebhooks, { webhooks, path: '/webhooks' })
        },
      ),
    ),
    on(
      'below a preParsing hook that reads the body and returns nothing [G10]',
      'body-consumed',
      async (app, webhooks) => {
        app.addHook('preParsing', async (_request, _reply, payload) => void (await buffer(payload)))
        await app.register(fastifyWebhooks, { webhooks, path: '/webhooks' })
      },
    ),
  ],
}

function on(
  name: string,
  outcome: Mount['outcome'],
  mount: (app: FastifyInstance, webhooks: Receiver) => Promise<void>,
): Mount {
  return {
    name,
    outcome,
    async start(webhooks) {
      const app = Fastify()
      await mount(app, webhooks)
      return listenFastify(app)
    },
  }
}

async function listenFastify(app: FastifyInstance): Promise<RunningHost> {
  await app.listen({ host: '127.0.0.1', port: 0 })
  const { port } = app.server.address() as AddressInfo
  return {
    port,
    async close() {
      app.server.closeAllConnections()
      await app.close()
    },
  }
}
