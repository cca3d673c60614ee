import type { EventOf, Webhooks } from '@hongbao/core'
import { createTestKeys, eventFixture, signDelivery } from '@hongbao/core/testing'
import { spawnSync } from 'node:child_process'
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import type { db } from './host/db.ts'
import type { orders } from './host/orders.ts'
import type { telemetry } from './host/telemetry.ts'
import { createWorkspace, DOCUMENTED, type Workspace } from './snippets.ts'

describe('the other snippets', () => {
  const keys = createTestKeys()

  beforeAll(() => {
    process.env['PINGPP_PUBLIC_KEY'] = keys.publicKey
  })

  it('handlers.ts: runs the handlers of a type, of an unlisted type, and of all', async () => {
    const from = workspace()
    await from.import('handlers.ts')
    const { webhooks } = await from.import<{ webhooks: Webhooks }>('webhooks.ts')
    const { orders: book } = await from.import<{ orders: typeof orders }>('orders.ts')

    const charge = eventFixture('charge.succeeded', { object: { order_no: 'paid', amount: 990 } })
    expect(await webhooks.dispatch(charge, { source: 'poll' })).toEqual({ outcome: 'handled' })
    expect(book.find('paid')).toEqual({ status: 'paid', detail: 990 })
    expect(book.notes).toEqual([['charge.succeeded', expect.stringMatching(/^poll 20/)]])

    const { created, livemode } = charge
    const coupon = { id: 'evt_1', type: 'coupon.created', created, livemode }
    const bytes = JSON.stringify({ ...coupon, data: { object: { id: 'coupon_1' } } })
    const reply = await webhooks.handle(signDelivery(bytes, keys).delivery())
    expect(reply.status).toBe(200)
    expect(book.notes.slice(1)).toEqual([
      ['coupon', 'coupon_1'],
      ['coupon.created', expect.stringMatching(/^webhook 20/)],
    ])
  })

  it('transitions.ts: has its effect once, though two processes run it', async () => {
    const [first, second] = [workspace(), workspace()]
    process.env['SNIPPETS_DB'] = join(first.directory, 'shop.sqlite')
    const database = await first.import<{ db: typeof db }>('db.ts')
    await database.db.transaction((tx) =>
      tx.run(`insert into red_envelopes values (?, 'sending')`, ['once']),
    )
    const { id, ...object } = { id: 'red_1', order_no: 'once', amount: 888 }
    const sent = eventFixture('red_envelope.sent', { object: { id, ...object } })

    for (const process of [first, second]) {
      await process.import('transitions.ts')
      const { webhooks } = await process.import<{ webhooks: Webhooks }>('webhooks.ts')
      expect(await webhooks.dispatch(sent)).toEqual({ outcome: 'handled' })
      await database.db.transaction((tx) =>
        tx.run(`update red_envelopes set status = 'received' where order_no = ?`, ['once']),
      )
    }

    expect(database.db.all('select * from ledger')).toEqual([
      { envelope_id: 'red_1', step: 'sent', amount: 888 },
    ])
    expect(database.db.all('select status from red_envelopes')).toEqual([{ status: 'received' }])
    for (const process of [first, second]) {
      const { db: open } = await process.import<{ db: typeof db }>('db.ts')
      open.close()
    }
    delete process.env['SNIPPETS_DB']
  })

  it('keys.ts: reads two files', () => {
    const { directory } = workspace()
    mkdirSync(join(directory, 'keys'))
    writeFileSync(join(directory, 'keys/pingpp-new.pem'), keys.publicKey)
    const run = () => spawnSync(process.execPath, ['keys.ts'], { cwd: directory, encoding: 'utf8' })
    expect(run().stderr).toContain('key-unreadable')
    writeFileSync(join(directory, 'keys/pingpp-old.pem'), createTestKeys().publicKey)
    expect(run()).toMatchObject({ status: 0 })
  })

  it('strict.ts: refuses other apps and test events', async () => {
    const { webhooks } = await workspace().import<{ webhooks: Webhooks }>('strict.ts')
    webhooks.on('*', () => {})
    const outcome = async (event: ReturnType<typeof eventFixture>) =>
      (await webhooks.handle(signDelivery(event, keys).delivery())).outcome

    expect(await outcome(eventFixture('red_envelope.sent'))).toBe('handled')
    expect(await outcome(eventFixture('red_envelope.sent', { object: { app: 'app_2' } }))).toBe(
      'misdirected',
    )
    expect(await outcome(eventFixture('red_envelope.sent', { livemode: false }))).toBe(
      'misdirected',
    )
    // 47 h with the default inbox, and an hour ahead of the clock.
    const nowSeconds = Math.floor(Date.now() / 1000)
    const at = (created: number) => outcome(eventFixture('red_envelope.sent', { created }))
    expect(await at(nowSeconds - 47 * 3600 + 60)).toBe('handled')
    expect(await at(nowSeconds - 47 * 3600 - 60)).toBe('stale')
    expect(await at(nowSeconds + 3600 - 60)).toBe('handled')
    expect(await at(nowSeconds + 3600 + 60)).toBe('stale')
  })

  it('observed.ts: counts every delivery, and hands on what a handler threw', async () => {
    const from = workspace()
    const { webhooks } = await from.import<{ webhooks: Webhooks }>('observed.ts')
    const { telemetry: seen } = await from.import<{ telemetry: typeof telemetry }>('telemetry.ts')
    const broken = new Error('the database is away')
    webhooks.on('red_envelope.sent', () => {})
    webhooks.on('red_envelope.received', () => {
      throw broken
    })
    for (const type of ['red_envelope.sent', 'red_envelope.received'] as const) {
      await webhooks.handle(signDelivery(eventFixture(type), keys).delivery())
    }
    expect(seen.counted).toEqual([
      { kind: 'delivery', outcome: 'handled', code: '' },
      { kind: 'delivery', outcome: 'failed', code: 'handler-failed' },
    ])
    expect(seen.observed).toHaveLength(2)
    expect(seen.captured).toEqual([broken])
  })
})

