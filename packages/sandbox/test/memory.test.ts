import { execFileSync } from 'node:child_process'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'

const SOURCE = join(import.meta.dirname, '../src')

/** Sends copies of one signed notification, since so many signatures would take minutes. */
const SCRIPT = `
  import { keepHeapSmall } from '${SOURCE}/cli/small-heap.ts'
  import { generateKeyPairSync } from 'node:crypto'
  import { readPrivateKey } from '@hongbao/core/internal'
  import { createClock } from '${SOURCE}/clock/timer-clock.ts'
  import { Engine } from '${SOURCE}/engine/engine.ts'
  import { envelopeNotification } from '${SOURCE}/events/notifications.ts'
  import { readSampleParameters } from '${SOURCE}/engine/trigger.ts'
  import { newDigits } from '${SOURCE}/events/ids.ts'

  // As the command does: otherwise V8 lets garbage grow to hundreds of MB, and what is kept would not show.
  keepHeapSmall()
  const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 })
  const key = readPrivateKey(privateKey)
  const engine = new Engine({
    clock: createClock({ speed: 0 }), target: () => new Response('{"outcome":"handled"}'),
    sendWebhooks: 'by-hand', key, responseTimeoutMs: 1000, seed: 1, allowRemote: false, maxEvents: 500,
  })
  const object = engine.envelopes.create(readSampleParameters({})).envelope
  const signed = envelopeNotification('red_envelope.sent', object, 0, key)
  for (let made = 0; made < 10_000; made += 1) {
    const { envelope } = engine.envelopes.create({ ...readSampleParameters({}), order_no: newDigits(28) })
    engine.envelopes.move(envelope.id, 'sent')
    const [body, bytes] = [Buffer.from(signed.body), Buffer.from(signed.body)]
    const event = { ...signed.event, id: 'evt_' + made, envelope: envelope.id, bytes }
    engine.deliveries.add({ ...signed, event, body })
    if (made % 100 === 99) await engine.clock.settled()
  }
  const { rss } = process.memoryUsage()
  console.log(JSON.stringify({ megabytes: Math.round(rss / 1e6), counts: engine.deliveries.counts,
    envelopes: engine.envelopes.size, records: engine.journal.since(0).length }))
`

describe('a sandbox that keeps 500 events', () => {
  it(
    'stays under 150 MB after 10,000 triggers, all of Node and the TypeScript loader counted',
    { timeout: 180_000 },
    () => {
      const output = execFileSync(process.execPath, ['--input-type=module', '--eval', SCRIPT], {
        cwd: import.meta.dirname,
        encoding: 'utf8',
      })
      const { megabytes, counts, envelopes, records } = JSON.parse(output) as Record<string, number>
      expect(counts).toEqual({ pending: 0, delivered: 500, exhausted: 0, undelivered: 0 })
      expect(envelopes).toBe(1000)
      expect(records).toBeLessThanOrEqual(10_000)
      expect(megabytes).toBeLessThan(150)
    },
  )
})
