import { answerByHand, handWritten } from './by-hand.ts'
import { forgeDeliveries, publicKeyPem, signDeliveries, type SignedBody } from './deliveries.ts'
import type { Figure } from './figure.ts'
import { expectSameAnswer, listen, portOf, sideBySideOverHttp } from './http-load.ts'
import { installed } from './installed.ts'

const REQUESTS = 900

/**
 * What any sender can make a server do: refusing on `node:http`, against the same refusal by hand.
 * Everything is at its default, the log too: it writes one line and is silent for a minute.
 */
export async function measure(): Promise<Figure[]> {
  const unsigned = signDeliveries(REQUESTS).map(({ body }) => ({ body, signature: '' }))
  return [
    await measureRefusal('refuse forged', forgeDeliveries(REQUESTS)),
    await measureRefusal('refuse unsigned', unsigned),
  ]
}

async function measureRefusal(name: string, requests: readonly SignedBody[]): Promise<Figure> {
  const { createWebhooks } = await installed('core')
  const { nodeWebhooks } = await installed('core/node')
  const webhooks = createWebhooks({ publicKey: publicKeyPem })
  webhooks.on('red_envelope.sent', () => refuseToRun(name))
  const byHand = handWritten(() => refuseToRun(name))
  const ours = portOf(await listen(nodeWebhooks(webhooks)))
  const theirs = portOf(
    await listen((request, response) => answerByHand(byHand, request, response)),
  )
  await expectSameAnswer({ ours, theirs }, requests.slice(0, 1))
  const result = await sideBySideOverHttp({ ours, theirs, requests, status: 401 })
  return { measure: name, ...result, bar: 0.95, unit: 'per CPU s' }
}

async function refuseToRun(name: string): Promise<void> {
  throw new Error(`${name}: a handler ran.`)
}
