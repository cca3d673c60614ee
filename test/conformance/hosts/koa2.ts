import { koaWebhooks } from '@hongbao/koa'
import { bodyParser } from '@koa/bodyparser'
import Koa from 'koa2'
import { serve, type Host } from '../host.ts'
import { KOA_HINT, koaMounts } from './koa.ts'

/** Without a router: `app.use` with a path. */
export const koa2Host: Host = {
  name: 'koa 2',
  start(webhooks) {
    const app = new Koa()
    app.silent = true
    app.use(koaWebhooks(webhooks, { path: '/webhooks' }))
    app.use(bodyParser())
    app.use((context) => {
      if (context.path === '/orders') context.body = context.request.body
    })
    return serve(app.callback())
  },
  withoutHost: 200,
  hint: KOA_HINT,
  mounts: koaMounts(Koa),
}
