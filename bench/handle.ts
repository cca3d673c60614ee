import { verify } from 'node:crypto'
import { publicKey, publicKeyPem, signDeliveries } from './deliveries.ts'
import type { Figure } from './figure.ts'
import { installed } from './installed.ts'
import { sideBySide } from './side-by-side.ts'

const BLOCK = 100
// More events than the inbox below holds (twice `maxKeys`), so that an event which comes round again is a new one.
const EVENTS = 2000
const MAX_KEYS = 500

/**
 * `webhooks.handle()` in memory, against what no receiver can do without: one RSA verification with
 * a key read once, and one `JSON.parse`.
 */
export async function measure(): Promise<Figure[]> {
  const { createWebhooks, memoryInbox } = await installed('core')
  const signed = signDeliveries(EVENTS)

  let applied = 0
  const inbox = memoryInbox({ maxKeys: MAX_KEYS, onWarning() {} })
  const webhooks = createWebhooks({ publicKey: publicKeyPem, inbox })
  webhooks.on('red_envelope.sent', async ({ data }) => {
    applied += data.object.amount
  })
  const deliveries = signed.map(({ body, signature }) => {
    const headers: Record<string, string> = { 'x-pingplusplus-signature': signature }
    return {
      method: 'POST',
      header: (name: string) => headers[name],
      body: () => Promise.resolve(body),
    }
  })

  async function ours(round: number): Promise<number> {
    for (const delivery of blockOf(deliveries, round)) {
      const { outcome } = await webhooks.handle(delivery)
      if (outcome !== 'handled') throw new Error(`A delivery was ${outcome}.`)
    }
    return BLOCK
  }

  async function theirs(round: number): Promise<number> {
    for (const { body, signature } of blockOf(signed, round)) {
      const isGenuine = verify('RSA-SHA256', body, publicKey, Buffer.from(signature, 'base64'))
      if (!isGenuine) throw new Error('A delivery did not verify.')
      applied += JSON.parse(body.toString()).data.object.amount
    }
    return BLOCK
  }

  const result = await sideBySide({ ours, theirs, rounds: 600, warmUpRounds: 60 })
  if (applied !== 2 * 660 * BLOCK * 100) throw new Error('Not every event was applied once.')
  return [{ measure: 'handle', ...result, bar: 0.9, unit: 'per CPU s' }]
}

function blockOf<Item>(items: readonly Item[], round: number): readonly Item[] {
  const start = (round * BLOCK) % items.length
  return items.slice(start, start + BLOCK)
}
