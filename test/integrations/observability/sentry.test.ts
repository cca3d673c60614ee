import { createWebhooks, type WebhookReport } from '@hongbao/core'
import { nodeWebhooks } from '@hongbao/core/node'
import { eventFixture, signDelivery } from '@hongbao/core/testing'
import { flush, getClient } from '@sentry/node'
import { once } from 'node:events'
import { createServer, type RequestListener } from 'node:http'
import type { AddressInfo } from 'node:net'
import { text } from 'node:stream/consumers'
import { expect, it, onTestFinished, vi } from 'vitest'
import { importRecipe, keys } from './recipes.ts'

it('the recipe for Sentry sends the error of a handler with code and event, and nothing of the body [S28]', async () => {
  const envelopes: string[] = []
  const ingest = await listen((request, response) => {
    void text(request).then((envelope) => {
      envelopes.push(envelope)
      response.end('{}')
    })
  })
  vi.stubEnv('SENTRY_DSN', `http://key@127.0.0.1:${ingest}/1`)
  onTestFinished(() => void vi.unstubAllEnvs())
  const { captureError } = await importRecipe<Recipe>('sentry.ts')

  const webhooks = createWebhooks({
    publicKey: keys.publicKey,
    logger: false,
    onError: captureError,
  })
  webhooks.on('red_envelope.sent', async (event) => {
    if (event.data.object.recipient !== '') throw new RangeError('declined')
  })
  const port = await listen(nodeWebhooks(webhooks))
  const event = eventFixture('red_envelope.sent')
  const init = signDelivery(event, keys).init()
  const { status } = await fetch(`http://127.0.0.1:${port}/webhooks`, init)
  expect(status).toBe(500)
  await flush()

  const sent = envelopes
    .flatMap((envelope) => envelope.split('\n'))
    .map((line) => JSON.parse(line))
    .filter((item) => 'exception' in item)
  expect(sent).toEqual([
    expect.objectContaining({
      tags: { outcome: 'failed', code: 'handler-failed', eventType: 'red_envelope.sent' },
      contexts: expect.objectContaining({
        hongbao: expect.objectContaining({ kind: 'delivery', eventId: event.id }) as object,
      }) as object,
      exception: {
        values: [expect.objectContaining({ type: 'RangeError', value: 'declined' })],
      },
    }),
  ])
  // Without this, the variables of a handler are sent too, but only if Sentry's debugger has started by then.
  expect(getClient()?.getDataCollectionOptions()).toMatchObject({ stackFrameVariables: false })
  const { recipient, order_no, subject } = event.data.object
  for (const secret of [recipient, order_no, subject]) {
    expect(envelopes.join('\n')).not.toContain(JSON.stringify(secret).slice(1, -1))
  }
})

interface Recipe {
  readonly captureError: (error: unknown, report: WebhookReport) => void
}

async function listen(listener: RequestListener): Promise<number> {
  const server = createServer(listener).listen(0, '127.0.0.1')
  await once(server, 'listening')
  onTestFinished(() => {
    server.close()
    server.closeAllConnections()
  })
  return (server.address() as AddressInfo).port
}
