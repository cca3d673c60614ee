import { createWebhooks } from '@hongbao/core'
import { setTimeout } from 'node:timers/promises'
import { describe, expect, it } from 'vitest'
import { hosts } from './hosts.ts'
import { keys, notification } from './reception.ts'

const NAMED = hosts.filter(({ name }) => name !== 'fetch')

/** The functions that a person looks for, from the handler outwards; the adapter's own is the last. */
const EXPECTED = [
  /^onSent$/,
  /^runHandlers$/,
  /^admit$/,
  /^handle$/,
  /^(?:hongbaoWebhooks|answerOn\w+)$/,
]

describe.each(NAMED)('the stack of an error in a handler on $name', (host) => {
  it.each([
    ['at once', 0],
    ['after it has waited', 5],
  ])('shows handler, pipeline and adapter if it is thrown %s', async (_, waitMs) => {
    const thrown: unknown[] = []
    const webhooks = createWebhooks({
      publicKey: keys.publicKey,
      logger: false,
      onError: (error) => void thrown.push(error),
    })
    webhooks.on('red_envelope.sent', async function onSent() {
      if (waitMs > 0) await setTimeout(waitMs)
      throw new Error('The bookkeeping is broken.')
    })
    const app = await host.start(webhooks)
    try {
      const { bytes, headers } = notification()
      const url = `http://127.0.0.1:${app.port}/webhooks`
      const response = await fetch(url, { method: 'POST', headers, body: new Uint8Array(bytes) })
      expect(response.status).toBe(500)
    } finally {
      await app.close()
    }
    const names = functionsOf(thrown[0]).filter((name) => EXPECTED.some((each) => each.test(name)))
    expect(names).toEqual(EXPECTED.map((each) => expect.stringMatching(each)))
  })
})

/** The frames of hongbao and the handler that are expected; Node shows 10 frames by default. */
function functionsOf(error: unknown): string[] {
  const stack = error instanceof Error ? (error.stack ?? '') : ''
  const frames = stack.matchAll(/^ {4}at (?:async )?(?:\w+\.)?(\w+)/gm)
  return [...new Set(Array.from(frames, ([, name = '']) => name))]
}
