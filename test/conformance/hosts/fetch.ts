import { createAdaptorServer } from '@hono/node-server'
import type { Receiver } from '@hongbao/core'
import { fetchWebhooks } from '@hongbao/core/fetch'
import type { Server } from 'node:http'
import { listen, type Host, type Mount, type RunningHost } from '../host.ts'

/** Whatever calls a function with a `Request`; here the plain server under Hono. */
export const fetchHost: Host = {
  name: 'fetch',
  start(webhooks) {
    const answer = fetchWebhooks(webhooks, { path: '/webhooks' })
    return serve(async (request) =>
      new URL(request.url).pathname === '/orders'
        ? Response.json(await request.json())
        : answer(request),
    )
  },
  withoutHost: 400,
  hint: /Pass the request on before anything reads its body/,
  mounts: [
    on('as the whole server', 'handled', (webhooks) => fetchWebhooks(webhooks)),
    on('after request.json() [G11]', 'body-consumed', (webhooks) => {
      const answer = fetchWebhooks(webhooks)
      return async (request) => {
        await request.json()
        return answer(request)
      }
    }),
    on('after request.clone().json() [G11]', 'handled', (webhooks) => {
      const answer = fetchWebhooks(webhooks)
      return async (request) => {
        await request.clone().json()
        return answer(request)
      }
    }),
    on('with a request made anew around the body [G11]', 'handled', (webhooks) => {
      const answer = fetchWebhooks(webhooks)
      return (request) => answer(new Request(request))
    }),
  ],
}

type Answer = (request: Request) => Promise<Response>

function on(
  name: string,
  outcome: Mount['outcome'],
  answer: (webhooks: Receiver) => Answer,
): Mount {
  return { name, outcome, start: (webhooks) => serve(answer(webhooks)) }
}

function serve(answer: Answer): Promise<RunningHost> {
  return listen(createAdaptorServer({ fetch: answer }) as Server)
}
