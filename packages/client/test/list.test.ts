import { describe, expect, it } from 'vitest'
import type { RedEnvelopeListParams } from '../src/red-envelopes/list-parameters.ts'
import { envelope, errorOf, page, refusal, reset, startPingpp, type Step } from './pingpp.ts'

async function idsOf(list: AsyncIterable<{ readonly id: string }>): Promise<string[]> {
  const ids: string[] = []
  for await (const { id } of list) ids.push(id)
  return ids
}

/** Nine envelopes in pages, as Ping++ pages them: newest first, cursors exclusive. */
function pager(size: number): Step {
  const numbers = [9, 8, 7, 6, 5, 4, 3, 2, 1]
  return (response, { target }) => {
    const query = new URL(target, 'http://x').searchParams
    const after = query.get('starting_after')
    const before = query.get('ending_before')
    const older = numbers.filter((each) => after === null || each < Number(after.slice(4)))
    const newer = older.filter((each) => before === null || each > Number(before.slice(4)))
    const chosen = before === null ? newer.slice(0, size) : newer.slice(-size)
    response.end(JSON.stringify(page(chosen, newer.length > size)))
  }
}

describe('a list', () => {
  it('sends nothing before it is awaited or iterated over', async () => {
    const { client, seen } = await startPingpp({ steps: [{ json: page([2, 1], true) }] })
    const list = client.redEnvelopes.list({ limit: 2 })
    await Promise.resolve()
    expect(seen).toEqual([])
    await list
    expect(seen.length).toBe(1)
  })

  it('is a page when it is awaited', async () => {
    const { client, seen } = await startPingpp({ steps: [pager(4)] })
    const first = await client.redEnvelopes.list({ limit: 4, status: 'sent' })
    expect(first).toMatchObject({ hasMore: true, data: [{ id: 'red_9' }, {}, {}, { id: 'red_6' }] })
    const second = await first.next()
    expect(second?.data.map(({ id }) => id)).toEqual(['red_5', 'red_4', 'red_3', 'red_2'])
    const third = await second?.next()
    expect(third).toMatchObject({ hasMore: false, data: [{ id: 'red_1' }] })
    expect(await third?.next()).toBeUndefined()
    expect(seen.map(({ target }) => target)).toEqual([
      '/v1/red_envelopes?limit=4&status=sent',
      '/v1/red_envelopes?limit=4&status=sent&starting_after=red_6',
      '/v1/red_envelopes?limit=4&status=sent&starting_after=red_2',
    ])
  })

  it('is all envelopes when it is iterated over, newest first', async () => {
    const { client, seen } = await startPingpp({ steps: [pager(4)] })
    expect(await idsOf(client.redEnvelopes.list())).toEqual(
      [9, 8, 7, 6, 5, 4, 3, 2, 1].map((number) => `red_${number}`),
    )
    expect(seen.length).toBe(3)
  })

  it('starts after the envelope of `starting_after`', async () => {
    const { client, seen } = await startPingpp({ steps: [pager(3)] })
    const list = client.redEnvelopes.list({ starting_after: 'red_6' })
    expect(await idsOf(list)).toEqual(['red_5', 'red_4', 'red_3', 'red_2', 'red_1'])
    expect(seen.map(({ target }) => target)).toEqual([
      '/v1/red_envelopes?starting_after=red_6',
      '/v1/red_envelopes?starting_after=red_3',
    ])
  })

  it('pages towards now with `ending_before`, oldest first', async () => {
    const { client, seen } = await startPingpp({ steps: [pager(3)] })
    const list = client.redEnvelopes.list({ ending_before: 'red_4' })
    expect(await idsOf(list)).toEqual(['red_5', 'red_6', 'red_7', 'red_8', 'red_9'])
    expect(seen.map(({ target }) => target)).toEqual([
      '/v1/red_envelopes?ending_before=red_4',
      '/v1/red_envelopes?ending_before=red_7',
    ])
    expect((await list).data.map(({ id }) => id)).toEqual(['red_7', 'red_6', 'red_5'])
  })

  it('is empty if there is no envelope', async () => {
    const { client } = await startPingpp({ steps: [{ json: page([], false) }] })
    const list = client.redEnvelopes.list()
    expect(await idsOf(list)).toEqual([])
    const first = await list
    expect(first).toMatchObject({ data: [], hasMore: false })
    expect(await first.next()).toBeUndefined()
  })

  it('requests no page that is not read', async () => {
    const { client, seen } = await startPingpp({ steps: [pager(4)] })
    for await (const { id } of client.redEnvelopes.list()) {
      if (id === 'red_7') break
    }
    expect(seen.length).toBe(1)
  })

  it('requests its first page once', async () => {
    const { client, seen } = await startPingpp({ steps: [pager(4)] })
    const list = client.redEnvelopes.list()
    expect(await list).toBe(await list)
    await idsOf(list)
    expect(seen.length).toBe(3)
  })

  it('uses the query as it was when `list` was called', async () => {
    const { client, seen } = await startPingpp({ steps: [pager(4)] })
    const query = { limit: 4 }
    const list = client.redEnvelopes.list(query)
    query.limit = 5
    await list
    expect(seen[0]?.target).toBe('/v1/red_envelopes?limit=4')
  })

  it('normalizes every item like a retrieved one', async () => {
    const data = [envelope({ status: 'SENDING', extra: [], metadata: [] })]
    const json = { object: 'list', url: '/v1/red_envelopes', has_more: false, data }
    const { client } = await startPingpp({ steps: [{ json }] })
    const expected = envelope({ status: 'sending', extra: {}, metadata: {} })
    expect((await client.redEnvelopes.list()).data).toEqual([expected])
  })
})

describe('a list that fails', () => {
  it('retries each page separately', async () => {
    const steps = [
      reset,
      { status: 502 },
      { json: page([3], true) },
      reset,
      { status: 502 },
      { json: page([2], true) },
      reset,
      { status: 502 },
      { json: page([1], false) },
    ]
    const { client, waits } = await startPingpp({ steps })
    expect(await idsOf(client.redEnvelopes.list())).toEqual(['red_3', 'red_2', 'red_1'])
    expect(waits.length).toBe(6)
  })

  it('rejects while it is iterated over, after the earlier pages', async () => {
    const steps = [{ json: page([2, 1], true) }, refusal(400, { message: 'x', param: 'limit' })]
    const { client } = await startPingpp({ steps })
    const ids: string[] = []
    const reading = (async () => {
      for await (const { id } of client.redEnvelopes.list()) ids.push(id)
    })()
    expect(await errorOf(reading)).toMatchObject({
      code: 'request-invalid',
      param: 'limit',
      orderNo: undefined,
      notCreated: false,
    })
    expect(ids).toEqual(['red_2', 'red_1'])
  })

  it('may request the next page again', async () => {
    const steps = [{ json: page([2], true) }, { status: 500 }, { json: page([1], false) }]
    const { client } = await startPingpp({ steps })
    const first = await client.redEnvelopes.list()
    expect(await errorOf(first.next())).toMatchObject({ code: 'server-failed' })
    expect((await first.next())?.data).toMatchObject([{ id: 'red_1' }])
  })

  it('ends with the signal, between pages too', async () => {
    const controller = new AbortController()
    const { client, seen } = await startPingpp({ steps: [pager(2)] })
    const ids: string[] = []
    const reading = (async () => {
      for await (const { id } of client.redEnvelopes.list({}, { signal: controller.signal })) {
        ids.push(id)
        if (id === 'red_6') controller.abort()
      }
    })()
    expect(await errorOf(reading)).toMatchObject({ code: 'request-aborted', attempts: 0 })
    expect(ids).toEqual(['red_9', 'red_8', 'red_7', 'red_6'])
    expect(seen.length).toBe(2)
  })

  it.each<[string, object, string]>([
    ['no list', envelope(), 'It is not a list.'],
    ['a list of one thing', { ...page([], false), data: {} }, 'It is not a list.'],
    [
      'no word of more',
      { ...page([], false), has_more: 'no' },
      'Its `has_more` is not true or false.',
    ],
    ['more of nothing', page([], true), 'It is empty, but its `has_more` is true.'],
    ['an item that is none', { ...page([], false), data: [5] }, 'It is not an object.'],
    [
      'an item of another kind',
      { ...page([], false), data: [envelope({ object: 'charge' })] },
      'It is not a red envelope.',
    ],
  ])('is refused: %s', async (_, json, problem) => {
    const { client } = await startPingpp({ steps: [{ json }] })
    expect(await errorOf(client.redEnvelopes.list())).toMatchObject({
      code: 'response-invalid',
      message: expect.stringContaining(problem),
    })
  })

  it.each([{}, { ending_before: 'red_9' }])(
    'ends if the server repeats its pages: %j',
    async (query) => {
      const { client, seen } = await startPingpp({ steps: [{ json: page([3, 2, 1], true) }] })
      expect(await errorOf(idsOf(client.redEnvelopes.list(query)))).toMatchObject({
        code: 'response-invalid',
        message: expect.stringContaining('It does not start after the requested envelope'),
      })
      expect(seen.length).toBe(2)
    },
  )

  it.each(['starting_after', 'ending_before'])(
    'is refused if the server ignores the `%s` of the request',
    async (name) => {
      const { client } = await startPingpp({ steps: [{ json: page([3, 2, 1], false) }] })
      expect(await errorOf(client.redEnvelopes.list({ [name]: 'red_2' }))).toMatchObject({
        code: 'response-invalid',
        message: expect.stringContaining('It does not start after the requested envelope'),
      })
    },
  )
})

const EXTRA = 'A parameter that Ping++ accepts but does not document goes into `extraParams`.'

describe('the query of a list', () => {
  const cursor = 'must be the id of an envelope, "red_…";'
  const time =
    'must be Unix time in seconds, not milliseconds: a whole number, or a range of them, { gte, lt };'

  it.each<[unknown, string | undefined, string]>([
    [null, undefined, '`list` expects an object of parameters.'],
    ['limit=3', undefined, '`list` expects an object of parameters.'],
    [[], undefined, '`list` expects an object of parameters.'],
    [{ limit: 0 }, 'limit', '`limit` must be a whole number from 1 to 100; it is 0.'],
    [{ limit: 101 }, 'limit', '`limit` must be a whole number from 1 to 100; it is 101.'],
    [
      { limit: '3' },
      'limit',
      '`limit` must be a whole number from 1 to 100; it is a string of 1 bytes.',
    ],
    [{ app: 'app_1' }, 'app', '`app` must be { id: "app_…" }; it is a string of 5 bytes.'],
    [{ app: {} }, 'app', '`app` must be { id: "app_…" }; it is an object (members: 0).'],
    [{ starting_after: '' }, 'starting_after', `\`starting_after\` ${cursor}`],
    [{ ending_before: envelope() }, 'ending_before', `\`ending_before\` ${cursor}`],
    [
      { starting_after: 'red_1', ending_before: 'red_2' },
      'ending_before',
      '`ending_before` must be without `starting_after`; it is a string of 5 bytes.',
    ],
    [{ status: '' }, 'status', '`status` must be a text; it is a string of 0 bytes.'],
    [{ channel: 5 }, 'channel', '`channel` must be a text; it is 5.'],
    [{ created: new Date(0) }, 'created', `\`created\` ${time}`],
    [{ created: '2024-02-10' }, 'created', `\`created\` ${time}`],
    [{ created: { gte: 1.5 } }, 'created', `\`created\` ${time}`],
    [{ created: { lt: -1 } }, 'created', `\`created\` ${time}`],
    [{ created: { gte: 1_707_532_800_000 } }, 'created', `\`created\` ${time}`],
    [
      { channel: '\uD83E' },
      'channel',
      '`channel` must be a text; it is a string with half a character',
    ],
    [
      { statis: 'sent' },
      'statis',
      `\`statis\` is not a documented parameter. Did you mean \`status\`? ${EXTRA}`,
    ],
    [
      { created: { from: 1 } },
      'created[from]',
      `\`created[from]\` is not a documented parameter. Did you mean \`created[gt]\`? ${EXTRA}`,
    ],
  ])('is refused when the list is read: %j', async (query, param, problem) => {
    const { client, seen } = await startPingpp({ steps: [{ json: page([], false) }] })
    const list = client.redEnvelopes.list(query as RedEnvelopeListParams)
    for (const reading of [list, idsOf(list)]) {
      expect(await errorOf(reading)).toMatchObject({
        code: 'parameter-invalid',
        param,
        attempts: 0,
        message: expect.stringContaining(`Nothing was sent, because of a parameter. ${problem}`),
      })
    }
    expect(seen).toEqual([])
  })

  it.each<[object, string]>([
    [{ created: 0 }, '?created=0'],
    [{ created: { gt: 1, gte: undefined, lt: null } }, '?created%5Bgt%5D=1'],
    [{ limit: 100, starting_after: null, ending_before: undefined }, '?limit=100'],
    [{ channel: 'wx_pub', status: 'refund' }, '?channel=wx_pub&status=refund'],
  ])('is sent as it is: %j', async (query, search) => {
    const { client, seen } = await startPingpp({ steps: [{ json: page([], false) }] })
    await client.redEnvelopes.list(query)
    expect(seen[0]?.target).toBe(`/v1/red_envelopes${search}`)
  })
})
