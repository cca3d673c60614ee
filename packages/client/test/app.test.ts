import { describe, expect, it } from 'vitest'
import { createPingppClient } from '../src/index.ts'
import type { PingppClientOptions } from '../src/options.ts'
import { API_KEY, envelope, errorOf, GUIDE, page, startPingpp, type Pingpp } from './pingpp.ts'

const SHOP = 'app_Shop'
const { app: OTHER, ...WITHOUT_APP } = GUIDE
const SHOP_FILTER = 'app%5Bid%5D=app_Shop'

function start(
  json: unknown,
  options: Partial<PingppClientOptions> = { app: SHOP },
): Promise<Pingpp> {
  return startPingpp({ steps: [{ json }], options })
}

function sentApp({ seen }: Pingpp): unknown {
  return (JSON.parse(String(seen[0]?.body)) as { app?: unknown }).app
}

function refusalOf(app: unknown): unknown {
  try {
    createPingppClient({ apiKey: API_KEY, app } as PingppClientOptions)
  } catch (error) {
    return error
  }
  return undefined
}

describe('`app` of createPingppClient', () => {
  it('is sent with a create that names no app', async () => {
    const pingpp = await start(envelope())
    await pingpp.client.redEnvelopes.create(WITHOUT_APP)
    expect(sentApp(pingpp)).toEqual({ id: SHOP })
    expect(WITHOUT_APP).not.toHaveProperty('app')
  })

  it.each([null, undefined])('is sent with a create whose app is %s', async (app) => {
    const pingpp = await start(envelope())
    await pingpp.client.redEnvelopes.create({ ...GUIDE, app } as unknown as typeof GUIDE)
    expect(sentApp(pingpp)).toEqual({ id: SHOP })
  })

  it('is replaced by the app of a create', async () => {
    const pingpp = await start(envelope())
    await pingpp.client.redEnvelopes.create(GUIDE)
    expect(sentApp(pingpp)).toEqual(OTHER)
  })

  it.each([{}, { id: undefined }, { id: null }, { id: '' }])(
    'does not replace the app of a create that is incomplete, so nothing is sent: %o',
    async (app) => {
      const { client, seen } = await start(envelope())
      const call = client.redEnvelopes.create({ ...GUIDE, app } as unknown as typeof GUIDE)
      expect(await errorOf(call)).toMatchObject({
        code: 'parameter-invalid',
        param: 'app[id]',
        notCreated: true,
      })
      expect(seen).toEqual([])
    },
  )

  it.each([undefined, null, 'text', [WITHOUT_APP]])(
    'is no parameter for a create without an object of parameters: %j',
    async (parameters) => {
      const { client, seen } = await start(envelope())
      expect(await errorOf(client.redEnvelopes.create(parameters as never))).toMatchObject({
        code: 'parameter-invalid',
        message:
          'Nothing was sent, because of a parameter. `create` expects an object of parameters.',
      })
      expect(seen).toEqual([])
    },
  )

  it('filters every page of a list that names no app', async () => {
    const { client, seen } = await startPingpp({
      steps: [{ json: page([3, 2], true) }, { json: page([1], false) }],
      options: { app: SHOP },
    })
    const ids: string[] = []
    for await (const { id } of client.redEnvelopes.list({ limit: 2 })) ids.push(id)
    expect(ids).toEqual(['red_3', 'red_2', 'red_1'])
    await client.redEnvelopes.list()
    expect(seen.map(({ target }) => target)).toEqual([
      `/v1/red_envelopes?limit=2&${SHOP_FILTER}`,
      `/v1/red_envelopes?limit=2&${SHOP_FILTER}&starting_after=red_2`,
      `/v1/red_envelopes?${SHOP_FILTER}`,
    ])
  })

  it('is replaced by the app of a list', async () => {
    const { client, seen } = await start(page([], false))
    await client.redEnvelopes.list({ app: { id: 'app_Other' } })
    expect(seen[0]?.target).toBe('/v1/red_envelopes?app%5Bid%5D=app_Other')
  })

  it('is not sent with a query by id', async () => {
    const { client, seen } = await start(envelope({ id: 'red_1' }))
    await client.redEnvelopes.retrieve('red_1')
    expect(seen[0]?.target).toBe('/v1/red_envelopes/red_1')
  })

  it('may have the quotes of an environment file [C22]', async () => {
    const pingpp = await start(envelope(), { app: `"${SHOP}"\r\n` })
    await pingpp.client.redEnvelopes.create(WITHOUT_APP)
    expect(sentApp(pingpp)).toEqual({ id: SHOP })
  })

  it.each([undefined, null])('is a guard that is refused if it is given but %s [S18]', (app) => {
    expect(refusalOf(app)).toMatchObject({
      name: 'OptionError',
      code: 'option-invalid',
      message: `\`app\` is given, but ${app}. Is the variable set that it is read from? Leave \`app\` out to name the app in each call.`,
    })
  })

  it.each(['', ' ', 5, {}, ['app_1']])('is refused if it is no id: %j', (app) => {
    expect(refusalOf(app)).toMatchObject({
      code: 'option-invalid',
      message: '`app` must be the id of an app ("app_…").',
    })
  })
})

describe('a client without `app`', () => {
  it('sends no create that names no app', async () => {
    const { client, seen } = await start(envelope(), {})
    expect(await errorOf(client.redEnvelopes.create(WITHOUT_APP))).toMatchObject({
      code: 'parameter-invalid',
      param: 'app[id]',
      notCreated: true,
      message:
        'Nothing was sent, because of a parameter. `app[id]` is missing: the id of your app, "app_…".',
    })
    expect(seen).toEqual([])
  })

  it('lists without a filter', async () => {
    const { client, seen } = await start(page([], false), {})
    await client.redEnvelopes.list()
    expect(seen[0]?.target).toBe('/v1/red_envelopes')
  })
})
