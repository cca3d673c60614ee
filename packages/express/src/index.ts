import type { Receiver } from '@hongbao/core'
import { createMount, nodeDelivery, sendReply, type MountOptions } from '@hongbao/core/adapter'
import type { IncomingMessage, ServerResponse } from 'node:http'

/** An Express middleware, typed so that it fits Express 4 and 5 alike. Its promise resolves with the answer. */
export type ExpressHandler = (
  request: IncomingMessage,
  response: ServerResponse,
  next: (error?: unknown) => void,
) => void

/**
 * Answers webhooks in an Express app: `app.post('/webhooks', expressWebhooks(webhooks))`.
 *
 * Mount it above `app.use(express.json())`. The router decides the path; for a bare `app.use`, give
 * `{ path: '/webhooks' }` and everything else passes.
 *
 * @throws OptionError if there is no receiver, or for a wrong or unknown option
 */
export function expressWebhooks(receiver: Receiver, options: MountOptions = {}): ExpressHandler {
  const isMountedAt = createMount('expressWebhooks', receiver, options)

  // Not async itself: an error that `next` throws would be a rejection, and not reach the caller.
  // oxlint-disable-next-line typescript/no-misused-promises -- it does not reject, and serverless hosts wait for it
  return function hongbaoWebhooks(request, response, next) {
    return isMountedAt(request.url) ? answerOnExpress(request, response, next) : next()
  }

  async function answerOnExpress(
    ...[request, response, next]: Parameters<ExpressHandler>
  ): Promise<void> {
    try {
      sendReply(response, await receiver.handle(nodeDelivery(request, HINT)))
    } catch (error) {
      // A wrapper around the response, as compression and sessions are, threw an error.
      next(error)
    }
  }
}

const HINT =
  "In Express, move app.post('/webhooks', expressWebhooks(webhooks)) above app.use(express.json()), or keep the bytes: express.json({ verify: (req, _res, bytes) => { Object.assign(req, { rawBody: bytes }) } })."
