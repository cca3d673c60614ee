import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { ENVELOPE, openApi, START_MS, type OpenedApi } from './open-api.ts'

const HOUR_MS = 60 * 60 * 1000
const DAY_MS = 24 * HOUR_MS
const START = START_MS / 1000

let api: OpenedApi

beforeEach(async () => {
  api = await openApi()
})

afterEach(async () => {
  await api.close()
})

describe('GET /v1/red_envelopes', () => {
  it('is an empty list at first, with a path for a URL', async () => {
    expect((await api.get('/v1/red_envelopes')).text).toBe(
      [
        '{',
        '    "object": "list",',
        '    "url": "/v1/red_envelopes",',
        '    "has_more": false,',
        '    "data": []',
        '}',
      ].join('\n'),
    )
  })

  it('gives the ten newest, newest first, and says that there are more', async () => {
    create(11)
    expect(await list('')).toEqual({
      orders: ['11', '10', '9', '8', '7', '6', '5', '4', '3', '2'],
      hasMore: true,
    })
  })

  it('gives whole envelopes, and changes none', async () => {
    create(1)
    const { json } = await api.get('/v1/red_envelopes')
    expect(json).toMatchObject({
      data: [{ object: 'red_envelope', status: 'sending', extra: { send_name: '红包商店' } }],
    })
    expect(await list('')).toEqual({ orders: ['1'], hasMore: false })
    expect(api.engine.find('1')?.status).toBe('sending')
  })

  it('takes a limit from 1 to 100', async () => {
    create(3)
    expect(await list('limit=1')).toEqual({ orders: ['3'], hasMore: true })
    expect(await list('limit=3')).toEqual({ orders: ['3', '2', '1'], hasMore: false })
    expect(await list('limit=100')).toEqual({ orders: ['3', '2', '1'], hasMore: false })
  })

  it('goes on after a cursor, and back before one', async () => {
    create(5)
    expect(await list(`limit=2&starting_after=${idOf('4')}`)).toEqual({
      orders: ['3', '2'],
      hasMore: true,
    })
    expect(await list(`limit=2&ending_before=${idOf('2')}`)).toEqual({
      orders: ['4', '3'],
      hasMore: true,
    })
  })

  it('refuses a cursor that is not an envelope, or the Go SDK would go round for ever', async () => {
    create(1)
    expect(await api.get('/v1/red_envelopes?starting_after=%3Cinvalid+Value%3E')).toMatchObject({
      status: 400,
      json: { error: { type: 'invalid_request_error', param: 'starting_after' } },
    })
    expect(await api.get('/v1/red_envelopes?ending_before=red_x')).toMatchObject({
      status: 400,
      json: { error: { param: 'ending_before' } },
    })
  })

  it('narrows by app, with brackets raw or encoded', async () => {
    create(1)
    api.engine.create({ ...ENVELOPE, order_no: '2', app: 'app_other' })
    expect(await list('app[id]=app_other')).toEqual({ orders: ['2'], hasMore: false })
    expect(await list('app%5Bid%5D=app_1Gqj58ynP0mHeX1q')).toEqual({
      orders: ['1'],
      hasMore: false,
    })
  })

  it('narrows by status and by channel', async () => {
    create(2)
    api.engine.retrieve(idOf('1'))
    expect(await list('status=sent')).toEqual({ orders: ['1'], hasMore: false })
    expect(await list('status=refund')).toEqual({ orders: [], hasMore: false })
    expect(await list('channel=wx_pub')).toEqual({ orders: ['2', '1'], hasMore: false })
    expect(await list('channel=wx')).toEqual({ orders: [], hasMore: false })
  })

  it('narrows by the time of creation, exactly or by bounds', async () => {
    create(1)
    await api.clock.advance(HOUR_MS)
    create(2, 2)
    await api.clock.advance(HOUR_MS)
    create(3, 3)
    const [first, second, third] = [START, START + 3600, START + 7200]
    expect((await list(`created=${second}`)).orders).toEqual(['2'])
    expect((await list(`created[gt]=${second}`)).orders).toEqual(['3'])
    expect((await list(`created[gte]=${second}`)).orders).toEqual(['3', '2'])
    expect((await list(`created[lt]=${second}`)).orders).toEqual(['1'])
    expect((await list(`created%5Blte%5D=${second}`)).orders).toEqual(['2', '1'])
    expect((await list(`created[gt]=${first}&created[lt]=${third}`)).orders).toEqual(['2'])
  })

  it('without `created` has those of the last month alone, by the clock of the sandbox', async () => {
    create(1)
    await api.clock.advance(30 * DAY_MS)
    expect((await list('')).orders).toEqual(['1'])
    await api.clock.advance(1000)
    expect((await list('')).orders).toEqual([])
    expect((await list('created[gte]=0')).orders).toEqual(['1'])
  })

  it('shows the apps themselves on demand', async () => {
    create(1)
    expect((await api.get('/v1/red_envelopes?expand[]=app')).json).toMatchObject({
      data: [{ app: { id: 'app_1Gqj58ynP0mHeX1q', object: 'app' } }],
    })
  })

  it('ignores what it does not know', async () => {
    create(1)
    expect((await list('page=2&per_page=5&x[y]=z')).orders).toEqual(['1'])
  })

  it.each([
    ['limit=0', 'limit'],
    ['limit=101', 'limit'],
    ['limit=ten', 'limit'],
    ['limit=1&limit=2', 'limit'],
    ['status=refunded', 'status'],
    ['app=app_1', 'app[id]'],
    ['app[id]=', 'app[id]'],
    ['channel[]=wx', 'channel'],
    ['created=yesterday', 'created'],
    ['created[since]=1', 'created[since]'],
    ['created[gt]=1.5', 'created[gt]'],
    ['starting_after=', 'starting_after'],
    ['starting_after=red_a&ending_before=red_b', 'ending_before'],
  ])('answers 400 with the parameter for ?%s', async (query, param) => {
    const answer = await api.get(`/v1/red_envelopes?${query}`, { 'accept-language': 'en' })
    expect(answer).toMatchObject({
      status: 400,
      json: {
        error: {
          type: 'invalid_request_error',
          message: expect.stringContaining(`\`${param}\``),
          param,
        },
      },
    })
  })

  it('answers 400 where the query is not UTF-8', async () => {
    const { status, json } = await api.get('/v1/red_envelopes?channel=%BA%EC')
    expect([status, json]).toEqual([
      400,
      {
        error: {
          type: 'invalid_request_error',
          message: '无法解析请求：百分号编码不是 UTF-8。',
        },
      },
    ])
  })
})

function create(to: number, from = 1): void {
  for (let order = from; order <= to; order += 1) {
    api.engine.create({ ...ENVELOPE, app: ENVELOPE.app.id, order_no: String(order) })
  }
}

function idOf(orderNo: string): string {
  return api.engine.find(orderNo)?.id ?? ''
}

async function list(query: string): Promise<{ orders: string[]; hasMore: boolean }> {
  const { json } = await api.get(`/v1/red_envelopes?${query}`)
  const page = json as { has_more: boolean; data: { order_no: string }[] }
  return { orders: page.data.map(({ order_no }) => order_no), hasMore: page.has_more }
}
