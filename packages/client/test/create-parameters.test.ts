import { asyncProperty, assert, constantFrom, string } from 'fast-check'
import { describe, expect, it } from 'vitest'
import { PingppError } from '../src/errors.ts'
import { envelope, errorOf, GUIDE, page, startPingpp } from './pingpp.ts'

/** Bytes of UTF-8 by its definition (RFC 3629, section 3), and by no encoder. */
function bytesOf(text: string): number {
  let bytes = 0
  for (const character of text) {
    const point = character.codePointAt(0) ?? 0
    bytes += 1 + Number(point > 0x7f) + Number(point > 0x7_ff) + Number(point > 0xff_ff)
  }
  return bytes
}

describe('a create', () => {
  it.each([
    ['subject', 32, (subject: string) => ({ subject })],
    ['body', 128, (body: string) => ({ body })],
    ['description', 255, (description: string) => ({ description })],
    ['extra[send_name]', 32, (send_name: string) => ({ extra: { send_name } })],
  ] as const)('is sent only if `%s` has at most %d bytes', async (param, max, put) => {
    const { client, seen } = await startPingpp({ steps: [{ json: envelope() }] })
    const unit = constantFrom('a', ' ', 'é', 'ß', '恭', '喜', '，', '🧧', '𠮷', '👨‍👩‍👧')
    const text = string({ unit, minLength: 1, maxLength: max })
    await assert(
      asyncProperty(text, async (value) => {
        const before = seen.length
        const parameters = { ...GUIDE, ...put(value) }
        const outcome: unknown = await client.redEnvelopes.create(parameters).then(
          () => 'sent',
          (error: unknown) => (error instanceof PingppError ? [error.code, error.param] : error),
        )
        const fits = bytesOf(value) <= max
        expect(outcome).toEqual(fits ? 'sent' : ['parameter-invalid', param])
        expect(seen.length - before).toBe(Number(fits))
        const sent = seen.slice(before).map(({ body }): unknown => JSON.parse(String(body)))
        expect(sent).toEqual(fits ? [parameters] : [])
      }),
      { numRuns: 60 },
    )
  })

  it('is checked as it is sent, after `toJSON`', async () => {
    const { client, seen } = await startPingpp({ steps: [{ json: envelope() }] })
    const inYuan = { ...GUIDE, toJSON: () => ({ ...GUIDE, amount: 0.01 }) }
    expect(await errorOf(client.redEnvelopes.create(inYuan))).toMatchObject({
      code: 'parameter-invalid',
      param: 'amount',
    })
    const hidden = Object.defineProperty({ ...GUIDE }, 'amount', { enumerable: false })
    expect(await errorOf(client.redEnvelopes.create(hidden))).toMatchObject({ param: 'amount' })
    const nothing = { ...GUIDE, toJSON: () => undefined }
    expect(await errorOf(client.redEnvelopes.create(nothing))).toMatchObject({
      code: 'parameter-invalid',
    })
    expect(seen).toEqual([])
  })

  it('returns the order number that was sent, although its getter returns another each time', async () => {
    let next = 0
    const parameters = {
      ...GUIDE,
      get order_no() {
        next += 1
        return String(next)
      },
    }
    const { client, seen } = await startPingpp({ steps: [{ status: 500 }] })
    const error = await errorOf(client.redEnvelopes.create(parameters))
    const { order_no } = JSON.parse(String(seen[0]?.body)) as { order_no: string }
    expect(error).toMatchObject({ orderNo: order_no, notCreated: false })
  })
})

const WAY = 'A parameter that Ping++ accepts but does not document goes into `extraParams`.'

describe('a parameter of a create that is not documented', () => {
  it.each<[object, string, string]>([
    [{ amuont: 100 }, 'amuont', 'Did you mean `amount`?'],
    [{ order_number: '1' }, 'order_number', 'There are: app, app[id], channel, order_no, amount, '],
    [{ metdata: {} }, 'metdata', 'Did you mean `metadata`?'],
    [
      { extra: { ...GUIDE.extra, scene: 'PRODUCT_1' } },
      'extra[scene]',
      'Did you mean `extra[scene_id]`?',
    ],
    [
      { extra: { ...GUIDE.extra, sceneid: 'PRODUCT_1' } },
      'extra[sceneid]',
      'Did you mean `extra[scene_id]`?',
    ],
    [
      { app: { ...GUIDE.app, livemode: true } },
      'app[livemode]',
      'There are: app, app[id], channel, ',
    ],
    [{ client_ip: null }, 'client_ip', 'There are: app, '],
    [{ 'extra[scene_id]': 'PRODUCT_1' }, 'extra[scene_id]', 'There are: app, '],
    [{ 'scene[id]': 'PRODUCT_1' }, 'scene[id]', 'There are: app, '],
  ])('is refused before anything is sent: %o [S25]', async (changes, param, advice) => {
    const { client, seen } = await startPingpp({ steps: [{ json: envelope() }] })
    const call = client.redEnvelopes.create({ ...GUIDE, ...changes })
    const error = await errorOf(call)
    expect(error).toMatchObject({ code: 'parameter-invalid', param, notCreated: true })
    const sentence = `Nothing was sent, because of a parameter. \`${param}\` is not a documented parameter. ${advice}`
    expect(String(error)).toContain(sentence)
    expect(String(error)).toContain(WAY)
    expect(seen).toEqual([])
  })

  it('is named before the documented one that is missing because of it [S25]', async () => {
    const { amount, ...rest } = GUIDE
    const { client } = await startPingpp({ steps: [{ json: envelope() }] })
    const call = client.redEnvelopes.create({ ...rest, amuont: amount } as never)
    expect(await errorOf(call)).toMatchObject({ param: 'amuont' })
  })

  it('is refused when `toJSON` adds it', async () => {
    const { client, seen } = await startPingpp({ steps: [{ json: envelope() }] })
    const parameters = { ...GUIDE, toJSON: () => ({ ...GUIDE, amuont: 1 }) }
    expect(await errorOf(client.redEnvelopes.create(parameters))).toMatchObject({ param: 'amuont' })
    expect(seen).toEqual([])
  })

  it('is ignored if it is undefined, because JSON has no undefined', async () => {
    const { client, seen } = await startPingpp({ steps: [{ json: envelope() }] })
    const parameters = { ...GUIDE, client_ip: undefined }
    await client.redEnvelopes.create(parameters)
    expect(JSON.parse(String(seen[0]?.body))).toEqual(GUIDE)
  })
})

describe('`extraParams`', () => {
  it('are sent in the body of a create, beside the members of `extra` too', async () => {
    const { client, seen } = await startPingpp({ steps: [{ json: envelope() }] })
    const extraParams = { client_ip: '127.0.0.1', extra: { nick_name: '红包商店' } }
    await client.redEnvelopes.create(GUIDE, { extraParams })
    expect(JSON.parse(String(seen[0]?.body))).toEqual({
      ...GUIDE,
      client_ip: '127.0.0.1',
      extra: { ...GUIDE.extra, nick_name: '红包商店' },
    })
  })

  it('are sent in the query of every other call', async () => {
    const steps = [{ json: envelope({ id: 'red_1' }) }, { json: page([], false) }]
    const { client, seen } = await startPingpp({ steps })
    const extraParams = { expand: ['app'] }
    await client.redEnvelopes.retrieve('red_1', { extraParams })
    await client.redEnvelopes.list({ limit: 3 }, { extraParams })
    expect(seen.map(({ target }) => target)).toEqual([
      '/v1/red_envelopes/red_1?expand%5B%5D=app',
      '/v1/red_envelopes?limit=3&expand%5B%5D=app',
    ])
  })

  it.each<[unknown, string | undefined, string]>([
    [{ amount: 20_000 }, 'amount', '`amount` is a documented parameter'],
    [{ extra: { send_name: 'x' } }, 'extra[send_name]', '`extra[send_name]` is a documented'],
    [{ extra: null }, 'extra', '`extra` is a documented parameter'],
    [{ app: { id: 'app_other' } }, 'app[id]', '`app[id]` is a documented parameter'],
    [{ metadata: {} }, 'metadata', '`metadata` is a documented parameter'],
    [{ toJSON: () => ({ order_no: '2' }) }, 'order_no', '`order_no` is a documented parameter'],
    [null, undefined, '`extraParams` must be an object.'],
    ['amount', undefined, '`extraParams` must be an object.'],
    [[{ a: 1 }], undefined, '`extraParams` must be an object.'],
    [{ big: 1n }, undefined, 'They cannot be written as JSON'],
  ])('replace nothing that was checked: %o [S25]', async (extraParams, param, problem) => {
    const { client, seen } = await startPingpp({ steps: [{ json: envelope() }] })
    const error = await errorOf(client.redEnvelopes.create(GUIDE, { extraParams } as never))
    expect(error).toMatchObject({ code: 'parameter-invalid', param, notCreated: true })
    expect(String(error)).toContain(problem)
    expect(seen).toEqual([])
  })

  it.each<[unknown, string]>([
    [{ limit: 5 }, '`limit` is a documented parameter'],
    [{ starting_after: 'red_1' }, '`starting_after` is a documented parameter'],
    [{ created: { gte: 5 } }, '`created[gte]` is a documented parameter'],
    [{ 'app[id]': 'app_other' }, '`app[id]` is a documented parameter'],
    [{ 'created[gte]': 5 }, '`created[gte]` is a documented parameter'],
    [{ 'limit[]': 5 }, '`limit[]` is a documented parameter'],
    [{ 'app[id][]': 'app_other' }, '`app[id][]` is a documented parameter'],
    [null, '`extraParams` must be an object.'],
    [{ x: { at: new Date(0) } }, '`x[at]` is not a string, a number or a boolean.'],
  ])('of a list replace nothing either: %o', async (extraParams, problem) => {
    const { client, seen } = await startPingpp({ steps: [{ json: page([], false) }] })
    const error = await errorOf(client.redEnvelopes.list({ limit: 3 }, { extraParams } as never))
    expect(error).toMatchObject({ code: 'parameter-invalid' })
    expect(String(error)).toContain(problem)
    expect(seen).toEqual([])
  })

  it.each([null, 'a=1', { x: { at: new Date(0) } }])(
    'of a query by id are refused when no query can hold them: %o',
    async (extraParams) => {
      const { client, seen } = await startPingpp({ steps: [{ json: envelope() }] })
      const how = { extraParams } as never
      for (const call of [
        client.redEnvelopes.retrieve('red_1', how),
        client.events.retrieve('evt_1', how),
      ]) {
        expect(await errorOf(call)).toMatchObject({ code: 'parameter-invalid', notCreated: false })
      }
      expect(seen).toEqual([])
    },
  )
})
