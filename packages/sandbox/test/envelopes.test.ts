import type { RedEnvelope } from '@hongbao/core'
import { describe, expect, it } from 'vitest'
import type { Engine } from '../src/engine/engine.ts'
import type { EnvelopeQuery } from '../src/engine/envelope-list.ts'
import { functionApp, openEngine, parameters, START_MS } from './open-engine.ts'

const SECOND = 1000
const HOUR = 3600 * SECOND
const START_S = START_MS / 1000

describe('creating', () => {
  it('makes an envelope that is `sending`, shaped and ordered as Ping++ shows it', () => {
    const envelope = create(openEngine(), { metadata: { branch: '上海/徐汇' } })
    expect(envelope).toEqual({
      id: expect.stringMatching(/^red_[0-9A-Za-z]{24}$/) as string,
      object: 'red_envelope',
      created: START_S,
      received: null,
      refunded: null,
      livemode: false,
      status: 'sending',
      app: 'app_1Gqj58ynP0mHeX1q',
      channel: 'wx_pub',
      order_no: '123456789',
      transaction_no: null,
      amount: 100,
      amount_settle: 100,
      currency: 'cny',
      recipient: 'o9zpMs7Xk9e9aJbTXgufovuWGp7c',
      subject: '新年红包',
      body: '恭喜发财',
      description: '每位会员一个',
      failure_msg: null,
      extra: { send_name: '红包商店' },
      metadata: { branch: '上海/徐汇' },
    })
    expect(Object.keys(envelope).join(' ')).toBe(
      'id object created received refunded livemode status app channel order_no transaction_no amount amount_settle currency recipient subject body description failure_msg extra metadata',
    )
  })

  it('gives the envelope that there is when the same order comes again', () => {
    const engine = openEngine()
    const first = create(engine, { extra: { send_name: '店', scene_id: 'PRODUCT_1' } })
    engine.move(first.id, 'sent')
    const again = engine.create(parameters({ extra: { scene_id: 'PRODUCT_1', send_name: '店' } }))
    expect(again).toMatchObject({ outcome: 'existing', envelope: { id: first.id, status: 'sent' } })
    expect(engine.envelopes.list({ limit: 10 })?.data).toHaveLength(1)
  })

  it.each([{ amount: 101 }, { recipient: 'o_another' }, { metadata: { a: 1 } }])(
    'refuses the same order number with other parameters: %j',
    (changes) => {
      const engine = openEngine()
      create(engine)
      expect(engine.create(parameters(changes))).toEqual({ outcome: 'conflict' })
      expect(engine.find('123456789')?.amount).toBe(100)
    },
  )

  it('is not changed by what the caller does to its parameters later', () => {
    const engine = openEngine()
    const extra = { send_name: '红包商店' }
    create(engine, { extra })
    extra.send_name = 'another'
    expect(engine.find('123456789')?.extra.send_name).toBe('红包商店')
    expect(engine.create(parameters()).outcome).toBe('existing')
  })

  it('finds by id and by order number, and nothing else', () => {
    const engine = openEngine()
    const { id } = create(engine)
    expect(engine.find(id)?.order_no).toBe('123456789')
    expect(engine.find('123456789')?.id).toBe(id)
    expect(engine.find('constructor')).toBeUndefined()
  })
})

describe('what makes notifications', () => {
  it('on-retrieve: the first retrieve sends, the second receives, later ones change nothing', async () => {
    const engine = openEngine({ sendWebhooks: 'on-retrieve' })
    const { id } = create(engine)
    await engine.clock.settled()
    expect(engine.events()).toEqual([])

    expect(engine.retrieve(id)).toMatchObject({ status: 'sent', received: null })
    await engine.clock.advance(90 * SECOND)
    expect(engine.retrieve(id)).toMatchObject({ status: 'received', received: START_S + 90 })
    expect(engine.retrieve(id)).toMatchObject({ status: 'received', received: START_S + 90 })
    expect(typesOf(engine)).toEqual(['red_envelope.sent', 'red_envelope.received'])
    expect(engine.retrieve('red_unknown')).toBeUndefined()
  })

  it('on-retrieve: neither looking up nor listing makes any', async () => {
    const engine = openEngine({ sendWebhooks: 'on-retrieve' })
    const { id } = create(engine)
    engine.find(id)
    engine.envelopes.list({ limit: 10 })
    await engine.clock.settled()
    expect(engine.find(id)?.status).toBe('sending')
    expect(engine.events()).toEqual([])
  })

  it('on-create: `sent` right after the create, which itself says `sending`', async () => {
    const engine = openEngine({ sendWebhooks: 'on-create' })
    const envelope = create(engine)
    engine.create(parameters())
    expect(envelope.status).toBe('sending')
    await engine.clock.settled()
    expect(engine.find(envelope.id)?.status).toBe('sent')
    expect(engine.retrieve(envelope.id)?.status).toBe('sent')
    expect(typesOf(engine)).toEqual(['red_envelope.sent'])
  })

  it('on-create: not for an envelope that was moved first', async () => {
    const engine = openEngine({ sendWebhooks: 'on-create' })
    engine.move(create(engine).id, 'failed')
    await engine.clock.settled()
    expect(engine.events()).toEqual([])
  })

  it('by-hand: moves alone', async () => {
    const engine = openEngine()
    const { id } = create(engine)
    engine.retrieve(id)
    await engine.clock.settled()
    expect(engine.events()).toEqual([])
    engine.move(id, 'sent')
    engine.move('123456789', 'received')
    expect(typesOf(engine)).toEqual(['red_envelope.sent', 'red_envelope.received'])
  })

  it('shows in each notification the envelope as it was then', () => {
    const engine = openEngine()
    const { id } = create(engine)
    engine.move(id, 'sent')
    engine.move(id, 'received')
    const objects = engine.events().map(({ bytes }) => objectIn(bytes))
    expect(objects).toMatchObject([
      { id, status: 'sent', received: null, transaction_no: expect.stringMatching(/^\d{28}$/) },
      { id, status: 'received', received: START_S },
    ])
    expect(objects[1]?.transaction_no).toBe(objects[0]?.transaction_no)
  })
})

describe('the life of an envelope', () => {
  it('refunds what nobody opened: `refunding` 24 hours after it was sent, then `refund`', async () => {
    const engine = openEngine()
    const { id } = create(engine)
    await engine.clock.advance(3 * HOUR)
    engine.move(id, 'sent')
    await engine.clock.advance(24 * HOUR - 1)
    expect(engine.find(id)?.status).toBe('sent')
    await engine.clock.advance(1)
    expect(engine.find(id)).toMatchObject({ status: 'refunding', refunded: null })
    await engine.clock.drain()
    expect(engine.find(id)).toMatchObject({ status: 'refund', received: null })
    expect(engine.find(id)?.refunded).toBeGreaterThan(START_S + (27 * HOUR) / SECOND)
    // Ping++ has no webhook for either.
    expect(typesOf(engine)).toEqual(['red_envelope.sent'])
  })

  it('does not refund what was opened', async () => {
    const engine = openEngine()
    const { id } = create(engine)
    engine.move(id, 'sent')
    await engine.clock.advance(23 * HOUR)
    engine.move(id, 'received')
    expect(await engine.clock.drain()).toBe(0)
    expect(engine.find(id)?.status).toBe('received')
  })

  it('fails with a message, and without a notification', () => {
    const engine = openEngine()
    const failed = engine.move(create(engine).id, 'failed')
    expect(failed).toMatchObject({ status: 'failed', transaction_no: null })
    expect(failed.failure_msg).toMatch(/\S/)
    expect(engine.events()).toEqual([])
  })

  const WAYS: Readonly<Record<RedEnvelope['status'], readonly RedEnvelope['status'][]>> = {
    sending: ['sent', 'failed'],
    sent: ['received', 'refunding'],
    received: [],
    failed: [],
    refunding: ['refund'],
    refund: [],
  }
  const PATHS: Readonly<Record<RedEnvelope['status'], readonly RedEnvelope['status'][]>> = {
    sending: [],
    sent: ['sent'],
    received: ['sent', 'received'],
    failed: ['failed'],
    refunding: ['sent', 'refunding'],
    refund: ['sent', 'refunding', 'refund'],
  }
  const statuses = Object.keys(WAYS) as RedEnvelope['status'][]
  const moves = statuses.flatMap((from) => statuses.map((to) => ({ from, to })))
  const isStep = ({ from, to }: (typeof moves)[number]) => WAYS[from].includes(to)

  it.each(moves.filter(isStep))('goes from $from to $to', ({ from, to }) => {
    const { engine, id } = openAt(from)
    expect(engine.move(id, to).status).toBe(to)
    expect(engine.find(id)?.status).toBe(to)
  })

  it.each(moves.filter((move) => !isStep(move)))('never from $from to $to', ({ from, to }) => {
    const { engine, id } = openAt(from)
    const told = engine.events().length
    expect(() => engine.move(id, to)).toThrow(
      expect.objectContaining({ code: 'move-invalid', message: expect.stringContaining(from) }),
    )
    expect(engine.find(id)?.status).toBe(from)
    expect(engine.events()).toHaveLength(told)
  })

  function openAt(status: RedEnvelope['status']): { engine: Engine; id: string } {
    const engine = openEngine()
    const { id } = create(engine)
    for (const step of PATHS[status]) engine.move(id, step)
    return { engine, id }
  }

  it('says where an envelope can go', () => {
    const engine = openEngine()
    const { id } = create(engine)
    expect(() => engine.move(id, 'received')).toThrow(
      `Envelope ${id} cannot become "received": it is "sending", which can become sent or failed.`,
    )
    expect(() => engine.move('red_none', 'sent')).toThrow(
      expect.objectContaining({ code: 'envelope-unknown' }),
    )
  })

  it('tells the journal of every step', async () => {
    const engine = openEngine()
    engine.move(create(engine).id, 'sent')
    await engine.clock.drain()
    const steps = engine.journal
      .since(0)
      .filter((record) => record.type === 'envelope.changed')
      .map(({ orderNo, status }) => `${orderNo} ${status}`)
    expect(steps).toEqual([
      '123456789 sending',
      '123456789 sent',
      '123456789 refunding',
      '123456789 refund',
    ])
  })
})

describe("Ping++'s test cases (metadata[pingpp_tc])", () => {
  it('001 delivers twice', async () => {
    const app = functionApp()
    const engine = openEngine({ target: app.target })
    engine.move(create(engine, { metadata: { pingpp_tc: '001' } }).id, 'sent')
    await engine.clock.settled()
    expect(app.seen).toHaveLength(2)
    expect(app.seen[0]?.body).toEqual(app.seen[1]?.body)
    expect(engine.events()[0]).toMatchObject({
      status: 'delivered',
      attempts: [
        { n: 1, kind: 'scheduled', faults: ['pingpp_tc=001'] },
        { n: 1, kind: 'duplicate', faults: ['pingpp_tc=001'] },
      ],
    })
  })

  it('002 delivers five minutes late', async () => {
    const app = functionApp()
    const engine = openEngine({ target: app.target })
    engine.move(create(engine, { metadata: { pingpp_tc: '002' } }).id, 'sent')
    await engine.clock.advance(299_999)
    expect(app.seen).toHaveLength(0)
    await engine.clock.advance(1)
    expect(app.seen).toHaveLength(1)
    expect(engine.events()[0]?.created).toBe(START_S)
  })

  it.each(['001', '002'])('%s means the first attempt alone', async (testCase) => {
    const app = functionApp(500, 500, 200)
    const engine = openEngine({ target: app.target })
    engine.move(create(engine, { metadata: { pingpp_tc: testCase } }).id, 'sent')
    await engine.clock.drain()
    const [{ attempts } = { attempts: [] }] = engine.events()
    expect(attempts.filter(({ n }) => n > 1).map(({ faults }) => faults)).toEqual(
      attempts.filter(({ n }) => n > 1).map(() => []),
    )
    expect(attempts).toHaveLength(3)
    const last = attempts.at(-1)
    expect(last?.n).toBe(testCase === '001' ? 2 : 3)
  })
})

describe('listing', () => {
  it('shows the newest first, in pages without gaps or repetitions', async () => {
    const { engine, ids } = await listed(7)
    const seen: string[] = []
    let startingAfter: string | undefined
    for (;;) {
      const page = engine.envelopes.list({ limit: 3, startingAfter })
      seen.push(...(page?.data ?? []).map(({ id }) => id))
      startingAfter = seen.at(-1)
      if (page?.hasMore !== true) break
    }
    expect(seen).toEqual(ids.toReversed())
  })

  it('goes back before a cursor: the page next to it, and whether there are newer ones', async () => {
    const { engine, ids } = await listed(7)
    const [oldest] = ids
    const page = engine.envelopes.list({ limit: 3, endingBefore: oldest })
    expect(page).toMatchObject({ hasMore: true })
    expect(page?.data.map(({ id }) => id)).toEqual([ids[3], ids[2], ids[1]])
    expect(engine.envelopes.list({ limit: 3, endingBefore: ids[5] })).toMatchObject({
      hasMore: false,
      data: [{ id: ids[6] }],
    })
  })

  it('has no page for a cursor that it does not know', async () => {
    const { engine } = await listed(2)
    expect(engine.envelopes.list({ limit: 3, startingAfter: 'red_none' })).toBeUndefined()
    expect(engine.envelopes.list({ limit: 3, endingBefore: 'red_none' })).toBeUndefined()
  })

  // Envelope n, from 0, was made n seconds after the start; the even ones are sent.
  it.each<[Partial<EnvelopeQuery>, number[]]>([
    [{}, [6, 5, 4, 3, 2, 1, 0]],
    [{ status: 'sent' }, [6, 4, 2, 0]],
    [{ channel: 'wx_lite' }, []],
    [{ app: 'app_1Gqj58ynP0mHeX1q' }, [6, 5, 4, 3, 2, 1, 0]],
    [{ app: 'app_another' }, []],
    [{ created: { gt: START_S + 4 } }, [6, 5]],
    [{ created: { gte: START_S + 4 } }, [6, 5, 4]],
    [{ created: { lt: START_S + 2 } }, [1, 0]],
    [{ created: { lte: START_S + 2, gt: START_S } }, [2, 1]],
    [{ created: { gte: START_S + 1, lte: START_S + 5 }, status: 'sending' }, [5, 3, 1]],
  ])('narrows to %j', async (query, expected) => {
    const { engine, ids } = await listed(7)
    const page = engine.envelopes.list({ limit: 100, ...query })
    expect(page?.data.map(({ id }) => ids.indexOf(id))).toEqual(expected)
  })

  async function listed(count: number): Promise<{ engine: Engine; ids: string[] }> {
    const engine = openEngine()
    const ids: string[] = []
    for (let at = 0; at < count; at += 1) {
      const { id } = create(engine, { order_no: String(at) })
      ids.push(id)
      if (at % 2 === 0) engine.move(id, 'sent')
      await engine.clock.advance(1000)
    }
    return { engine, ids }
  }
})

function create(engine: Engine, changes: Parameters<typeof parameters>[0] = {}): RedEnvelope {
  const creation = engine.create(parameters(changes))
  if (creation.outcome === 'conflict') throw new Error('conflict')
  return creation.envelope
}

function typesOf(engine: Engine): string[] {
  return engine.events().map(({ type }) => type)
}

function objectIn(bytes: Buffer): RedEnvelope {
  return (JSON.parse(bytes.toString()) as { data: { object: RedEnvelope } }).data.object
}
