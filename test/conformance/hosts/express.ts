import type { Receiver } from '@hongbao/core'
import { expressWebhooks } from '@hongbao/express'
import type express from 'express'
import type { RequestHandler } from 'express'
import { serve, type Mount, type RunningHost } from '../host.ts'

/** Express 5, or 4, which has the same face. */
type Express = typeof express

export const EXPRESS_HINT: RegExp = /move app\.post\(.*above app\.use\(express\.json\(\)\)/

export function expressStart(make: Express): (webhooks: Receiver) => Promise<RunningHost> {
  return function start(webhooks) {
    const app = make()
    app.all('/webhooks', expressWebhooks(webhooks))
    app.post('/orders', make.json(), (request, response) => void response.json(request.body))
    return serve(app)
  }
}

export function expressMounts(make: Express): readonly Mount[] {
  function after(
    name: string,
    outcome: Mount['outcome'],
    ...earlier: readonly RequestHandler[]
  ): Mount {
    return {
      name,
      outcome,
      start(webhooks) {
        const app = make()
        for (const middleware of earlier) app.use(middleware)
        app.post('/webhooks', expressWebhooks(webhooks))
        return serve(app)
      },
    }
  }

  return [
    after('after express.json() [G1, S9]', 'body-consumed', make.json()),
    after(
      'after express.json({ verify }) that keeps req.rawBody [G2]',
      'handled',
      make.json({
        verify: (request, _response, bytes) => void Object.assign(request, { rawBody: bytes }),
      }),
    ),
    after(
      'after express.json({ verify }) that keeps req.rawBody as a string [G2]',
      'body-consumed',
      make.json({
        verify: (request, _response, bytes) =>
          void Object.assign(request, { rawBody: bytes.toString() }),
      }),
    ),
    after('after express.raw() [G3]', 'handled', make.raw({ type: '*/*' })),
    after('after express.text() [G4]', 'body-consumed', make.text({ type: '*/*' })),
    after('after express.urlencoded() [G5]', 'handled', make.urlencoded({ extended: true })),
    after(
      'after a middleware that paused the request [G9]',
      'handled',
      (request, _response, next) => {
        request.pause()
        next()
      },
    ),
    after(
      'after a middleware that set an encoding [G9]',
      'body-consumed',
      (request, _response, next) => {
        request.setEncoding('utf8')
        next()
      },
    ),
    {
      name: 'twice, in a router and in the app [G6]',
      outcome: 'handled',
      start(webhooks) {
        const app = make()
        const router = make.Router()
        router.use(expressWebhooks(webhooks, { path: '/webhooks' }))
        app.use(router)
        app.post('/webhooks', expressWebhooks(webhooks))
        return serve(app)
      },
    },
    {
      name: 'with app.use() and a path, on everything [G7]',
      outcome: 'handled',
      start(webhooks) {
        const app = make()
        app.use(expressWebhooks(webhooks, { path: '/webhooks' }))
        app.post('/orders', make.json(), (request, response) => void response.json(request.body))
        return serve(app)
      },
    },
    {
      name: 'behind a trusted proxy that forwards any address [G13]',
      outcome: 'handled',
      start(webhooks) {
        const app = make().set('trust proxy', true)
        app.post('/webhooks', expressWebhooks(webhooks))
        return serve(app)
      },
    },
  ]
}
