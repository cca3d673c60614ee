import { channel } from 'node:diagnostics_channel'
import { publicKeyPem, signDeliveries } from './deliveries.ts'
import type { Figure } from './figure.ts'
import { installed } from './installed.ts'
import { sideBySide, type Block } from './side-by-side.ts'

const BLOCK = 100
// As in `handle.ts`: more events than the inbox holds.
const EVENTS = 2000
const MAX_KEYS = 500

/**
 * What the tracing channel costs: `webhooks.handle()` against that of a receiver which was created on a
 * runtime without channels. First without a subscriber, which must be free; then one subscriber does nothing.
 */
export async function measure(): Promise<Figure[]> {
  const theirs = await withoutChannels(createBlock)
  const ours = await createBlock()
  const unheard = await sideBySide({ ours, theirs, rounds: 600, warmUpRounds: 60 })
  channel('tracing:hongbao:delivery:asyncEnd').subscribe(() => {})
  const heard = await sideBySide({ ours, theirs, rounds: 300, warmUpRounds: 60 })
  const note = 'theirs: without channels'
  return [
    { measure: 'handle, not traced', ...unheard, bar: 0.98, unit: 'per CPU s', note },
    { measure: 'handle, traced', ...heard, bar: 0.85, unit: 'per CPU s', note },
  ]
}

async function createBlock(): Promise<Block> {
  const { createWebhooks, memoryInbox } = await installed('core')
  const inbox = memoryInbox({ maxKeys: MAX_KEYS, onWarning() {} })
  const webhooks = createWebhooks({ publicKey: publicKeyPem, inbox })
  webhooks.on('red_envelope.sent', async () => {})
  const deliveries = signDeliveries(EVENTS).map(({ body, signature }) => {
    const headers: Record<string, string> = { 'x-pingplusplus-signature': signature }
    return {
      method: 'POST',
      header: (name: string) => headers[name],
      body: () => Promise.resolve(body),
    }
  })
  return async function deliverBlock(round) {
    const start = (round * BLOCK) % EVENTS
    for (const delivery of deliveries.slice(start, start + BLOCK)) {
      const { outcome } = await webhooks.handle(delivery)
      if (outcome !== 'handled') throw new Error(`A delivery was ${outcome}.`)
    }
    return BLOCK
  }
}

/** Receivers look for the channel when they are created. */
async function withoutChannels<Made>(make: () => Promise<Made>): Promise<Made> {
  const found = Object.getOwnPropertyDescriptor(process, 'getBuiltinModule') ?? {}
  Object.defineProperty(process, 'getBuiltinModule', { ...found, value: () => undefined })
  try {
    return await make()
  } finally {
    Object.defineProperty(process, 'getBuiltinModule', found)
  }
}
