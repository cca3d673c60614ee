import { koaWebhooks } from '@hongbao/koa'
import { bodyParser } from '@koa/bodyparser'
import { Router } from '@koa/router'
import Koa from 'koa'
import { serve, type Host } from '../host.ts'
import { KOA_HINT, koaMounts } from './koa.ts'

export const koa3Host: Host = {
  name: 'koa 3',
  start(webhooks) {
    const router = new Router()
    router.all('/webhooks', koaWebhooks(webhooks))
    router.post('/orders', bodyParser(), (context) => {
      context.body = context.request.body
    })
    const app = new Koa().use(router.routes())
    app.silent = true
    return serve(app.callback())
  },
  withoutHost: 200,
  hint: KOA_HINT,
  mounts: [
    ...koaMounts(Koa),
    {
      name: 'twice, in a router and in the app [G6]',
      outcome: 'handled',
      start(webhooks) {
        const router = new Router().post('/webhooks', koaWebhooks(webhooks))
        const app = new Koa()
        app.use(koaWebhooks(webhooks, { path: '/webhooks' }))
        app.use(router.routes())
        return serve(app.callback())
      },
    },
    {
      name: 'in a router with router.allowedMethods() [D1]',
      outcome: 'handled',
      start(webhooks) {
        const router = new Router().post('/webhooks', koaWebhooks(webhooks))
        const app = new Koa().use(router.routes()).use(router.allowedMethods())
        return serve(app.callback())
      },
    },
  ],
}
