import { createAdaptorServer } from '@hono/node-server'
import { honoWebhooks } from '@hongbao/hono'
import { Hono, type MiddlewareHandler } from 'hono'
import { bodyLimit } from 'hono/body-limit'
import { compress } from 'hono/compress'
import { secureHeaders } from 'hono/secure-headers'
import type { Server } from 'node:http'
import { listen, type Host, type Mount, type RunningHost } from '../host.ts'

export const honoHost: Host = {
  name: 'hono',
  start(webhooks) {
    const app = new Hono()
    app.all('/webhooks', honoWebhooks(webhooks))
    app.post('/orders', async (context) => context.json(await context.req.json()))
    return listenHono(app)
  },
  withoutHost: 400,
  hint: /read the body with c\.req\.json\(\).*not with c\.req\.raw/,
  mounts: [
    after('after c.req.json() [G11]', 'handled', async ({ req }, next) => {
      await req.json()
      await next()
    }),
    after('after c.req.text() [G11]', 'handled', async ({ req }, next) => {
      await req.text()
      await next()
    }),
    after('after c.req.blob() [G11]', 'handled', async ({ req }, next) => {
      await req.blob()
      await next()
    }),
    after('after c.req.arrayBuffer() [G11]', 'handled', async ({ req }, next) => {
      await req.arrayBuffer()
      await next()
    }),
    after('after c.req.raw.json() [G11, S9]', 'body-consumed', async ({ req }, next) => {
      await req.raw.json()
      await next()
    }),
    after('after c.req.raw.clone().json() [G11]', 'handled', async ({ req }, next) => {
      await req.raw.clone().json()
      await next()
    }),
    after('behind bodyLimit() [G8]', 'handled', bodyLimit({ maxSize: 1024 * 1024 })),
    after('behind secureHeaders() [G8]', 'handled', secureHeaders()),
    after('behind compress() [G8]', 'handled', compress()),
    {
      name: 'twice, in a router and in the app [G6]',
      outcome: 'handled',
      start(webhooks) {
        const router = new Hono().post('/webhooks', honoWebhooks(webhooks))
        const app = new Hono().route('/', router).post('/webhooks', honoWebhooks(webhooks))
        return listenHono(app)
      },
    },
  ],
}

function after(name: string, outcome: Mount['outcome'], earlier: MiddlewareHandler): Mount {
  return {
    name,
    outcome,
    start(webhooks) {
      const app = new Hono()
      app.use(earlier)
      app.post('/webhooks', honoWebhooks(webhooks))
      return listenHono(app)
    },
  }
}

function listenHono(app: Hono): Promise<RunningHost> {
  return listen(createAdaptorServer({ fetch: app.fetch }) as Server)
}
