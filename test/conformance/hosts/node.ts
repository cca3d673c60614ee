import { nodeWebhooks } from '@hongbao/core/node'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { buffer, json } from 'node:stream/consumers'
import type { Receiver } from '@hongbao/core'
import { serve, type Host, type Listener, type Mount } from '../host.ts'

export const nodeHost: Host = {
  name: 'node:http',
  start(webhooks) {
    const answer = nodeWebhooks(webhooks, { path: '/webhooks' })
    return serve((request, response) =>
      answer(request, response, () => void answerOrder(request, response)),
    )
  },
  withoutHost: 200,
  hint: /Answer the webhook before anything reads the request/,
  mounts: [
    on('as the whole server [G12]', 'handled', (webhooks) => nodeWebhooks(webhooks)),
    on('after the body was read [G1]', 'body-consumed', (webhooks) => {
      const answer = nodeWebhooks(webhooks)
      return async (request, response) => {
        await buffer(request)
        answer(request, response)
      }
    }),
    on('after the body was read into request.rawBody [G2]', 'handled', (webhooks) => {
      const answer = nodeWebhooks(webhooks)
      return async (request, response) => {
        answer(Object.assign(request, { rawBody: await buffer(request) }), response)
      }
    }),
    on('after the first chunk was read [G9]', 'body-consumed', (webhooks) => {
      const answer = nodeWebhooks(webhooks)
      return (request, response) => {
        request.once('data', () => {
          request.pause()
          answer(request, response)
        })
      }
    }),
    on('after the request was paused [G9]', 'handled', (webhooks) => {
      const answer = nodeWebhooks(webhooks)
      return (request, response) => answer(request.pause(), response)
    }),
    on('after an encoding was set [G9]', 'body-consumed', (webhooks) => {
      const answer = nodeWebhooks(webhooks)
      return (request, response) => answer(request.setEncoding('utf8'), response)
    }),
  ],
}

function on(
  name: string,
  outcome: Mount['outcome'],
  listener: (webhooks: Receiver) => Listener,
): Mount {
  return { name, outcome, start: (webhooks) => serve(listener(webhooks)) }
}

async function answerOrder(request: IncomingMessage, response: ServerResponse): Promise<void> {
  if (request.url !== '/orders') return void response.writeHead(404).end()
  response.setHeader('content-type', 'application/json')
  response.end(JSON.stringify(await json(request)))
}
