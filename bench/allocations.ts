import { createHook } from 'node:async_hooks'
import { handWritten } from './by-hand.ts'
import { publicKeyPem, signDeliveries } from './deliveries.ts'
import type { Figure } from './figure.ts'
import { installed } from './installed.ts'

const WARM_UP = 2000
// So few that the young generation holds all that they allocate: no collection runs in between.
const COUNTED = 200

type Deliver = (at: number) => Promise<unknown>

/**
 * How many promises a delivery makes and how many bytes it allocates, `webhooks.handle()` against the
 * same job by hand (`bench/by-hand.ts`). These do not depend on the machine: they show a change of the
 * delivery's path that the noise of a time hides.
 */
export async function measure(): Promise<Figure[]> {
  const { createWebhooks } = await installed('core')
  const signed = signDeliveries(WARM_UP + 2 * COUNTED)
  const webhooks = createWebhooks({ publicKey: publicKeyPem })
  webhooks.on('red_envelope.sent', async () => {})
  const byHand = handWritten(async () => {})
  const headers = signed.map(({ signature }): Record<string, string> => {
    return { 'x-pingplusplus-signature': signature }
  })

  const ours = await count(async (at) => {
    const { outcome } = await webhooks.handle({
      method: 'POST',
      header: (name) => headers[at]?.[name],
      body: () => Promise.resolve(signed[at]?.body ?? new Uint8Array()),
    })
    if (outcome !== 'handled') throw new Error(`A delivery was ${outcome}.`)
  })
  const theirs = await count(async (at) => {
    const body = await Promise.resolve(signed[at]?.body ?? new Uint8Array())
    const { status } = await byHand.receive(body, signed[at]?.signature)
    if (status !== 200) throw new Error(`A delivery was answered ${status}.`)
  })
  return [
    figureOf('promises', ours.promises, theirs.promises, 0.6),
    figureOf('bytes allocated', ours.bytes, theirs.bytes, 0.55),
  ]
}

function figureOf(what: string, ours: number, theirs: number, bar: number): Figure {
  const note = 'theirs: the same job by hand'
  return {
    measure: `${what} per delivery`,
    ours,
    theirs,
    ratio: theirs / ours,
    bar,
    unit: what,
    note,
  }
}

async function count(deliver: Deliver): Promise<{ promises: number; bytes: number }> {
  for (let at = 0; at < WARM_UP; at += 1) await deliver(at)
  const bytes = await bytesOf(deliver, WARM_UP)
  const promises = await promisesOf(deliver, WARM_UP + COUNTED)
  return { promises, bytes }
}

async function bytesOf(deliver: Deliver, from: number): Promise<number> {
  globalThis.gc?.()
  const before = process.memoryUsage().heapUsed
  for (let at = from; at < from + COUNTED; at += 1) await deliver(at)
  return (process.memoryUsage().heapUsed - before) / COUNTED
}

async function promisesOf(deliver: Deliver, from: number): Promise<number> {
  let promises = 0
  const hook = createHook({
    init(_id, type) {
      if (type === 'PROMISE') promises += 1
    },
  })
  hook.enable()
  for (let at = from; at < from + COUNTED; at += 1) await deliver(at)
  hook.disable()
  return promises / COUNTED
}
