import { koaWebhooks } from '@hongbao/koa'
import { bodyParser } from '@koa/bodyparser'
import type Koa from 'koa'
import type { Middleware } from 'koa'
import { buffer } from 'node:stream/consumers'
import { serve, type Mount } from '../host.ts'

export const KOA_HINT: RegExp = /move the router .*above app\.use\(bodyParser\(\)\)/

export function koaMounts(App: typeof Koa): readonly Mount[] {
  function after(name: string, outcome: Mount['outcome'], earlier: Middleware): Mount {
    return {
      name,
      outcome,
      start(webhooks) {
        const app = new App()
        app.silent = true
        app.use(earlier)
        app.use(koaWebhooks(webhooks, { path: '/webhooks' }))
        return serve(app.callback())
      },
    }
  }

  return [
    after('after bodyParser() [G11, S9]', 'body-consumed', bodyParser()),
    after(
      'after bodyParser() for forms only [G11]',
      'handled',
      bodyParser({ enableTypes: ['form'] }),
    ),
    after(
      'after a middleware that keeps the bytes in ctx.request.rawBody [G11]',
      'handled',
      async (context, next) => {
        Object.assign(context.request, { rawBody: await buffer(context.req) })
        await next()
      },
    ),
    after(
      'after a middleware that set an encoding [G9]',
      'body-consumed',
      async (context, next) => {
        context.req.setEncoding('utf8')
        await next()
      },
    ),
  ]
}
