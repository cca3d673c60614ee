import { generateKeyPairSync } from 'node:crypto'
import { describe, expect, it } from 'vitest'
import {
  API_KEY,
  envelope,
  errorOf,
  GUIDE,
  page,
  PINGPP,
  refusal,
  startPingpp,
  type Answer,
  type Step,
} from './pingpp.ts'

const ID = 'red_04er10TuvT4OCyLO08aLOqbD'

async function retrieve(step: Step, id = ID): Promise<unknown> {
  const { client } = await startPingpp({ steps: [step], options: { retries: 0 } })
  return client.redEnvelopes.retrieve(id)
}

describe('an envelope in an answer', () => {
  it('is as Ping++ sent it, unknown fields included', async () => {
    const sent = envelope({ paid: true, new_field: { of: ['将来'] }, failure_code: null })
    expect(await retrieve({ json: sent })).toEqual(sent)
  })

  it.each([
    ['SENDING', 'sending'],
    ['pending', 'sending'],
    ['PENDING', 'sending'],
    ['Received', 'received'],
    ['refund', 'refund'],
    ['frozen', 'frozen'],
  ])('has one spelling of a status: %s', async (status, unified) => {
    expect(await retrieve({ json: envelope({ status }) })).toMatchObject({ status: unified })
  })

  it('has an object for an empty list that PHP wrote', async () => {
    const json = envelope({ extra: [], metadata: [], tags: [] })
    expect(await retrieve({ json })).toMatchObject({ extra: {}, metadata: {}, tags: [] })
  })

  it('has no metadata if Ping++ sent none', async () => {
    expect(await retrieve({ json: envelope() })).not.toHaveProperty('metadata')
  })

  it('cannot be changed by one reader for the next', async () => {
    const answered = (await retrieve({ json: envelope() })) as { status: string; extra: object }
    expect(Object.isFrozen(answered)).toBe(true)
    expect(Object.isFrozen(answered.extra)).toBe(true)
  })

  it.each<[string, object, string]>([
    ['of another kind', { object: 'charge' }, 'It is not a red envelope.'],
    ['without an id', { id: null }, 'Its `id` is not an id.'],
    ['with an id that leads elsewhere', { id: '../x' }, 'Its `id` is not an id.'],
    ['with a numeric id', { id: 5 }, 'It is of another `id`.'],
    ['without a status', { status: undefined }, 'Its `status` is not a string.'],
    ['with an empty status', { status: '' }, 'Its `status` is not a string.'],
    ['without an amount', { amount: null }, 'Its `amount` is not an integer in fen.'],
    ['with an amount in yuan', { amount: 1.5 }, 'Its `amount` is not an integer in fen.'],
    ['with an amount of nothing', { amount: 0 }, 'Its `amount` is not an integer in fen.'],
    ['with an amount as text', { amount: '100' }, 'Its `amount` is not an integer in fen.'],
    ['with another id', { id: 'red_other' }, 'It is of another `id`.'],
  ])('is refused: %s', async (_, changes, problem) => {
    expect(await errorOf(retrieve({ json: envelope(changes) }))).toMatchObject({
      code: 'response-invalid',
      status: 200,
      message: expect.stringMatching(`${problem} It came from http://127.0.0.1:\\d+\\.$`),
    })
  })

  it.each<[string, object]>([
    ['order_no', { order_no: '987' }],
    // Ping++ does not document its answer for a number that was used before.
    ['amount', { amount: 101 }],
    ['recipient', { recipient: 'o9zpMs7Xk9e9aJbTXgufovuWGp7d' }],
  ])('is refused after a create if it has a different %s', async (name, changes) => {
    const { client } = await startPingpp({ steps: [{ json: envelope(changes) }] })
    expect(await errorOf(client.redEnvelopes.create(GUIDE))).toMatchObject({
      code: 'response-invalid',
      notCreated: false,
      message: expect.stringContaining(`It is of another \`${name}\`.`),
    })
  })
})

describe('an order number that is a JSON number, as the official samples send it', () => {
  const numeric = (digits: string, changes: object = {}): string =>
    JSON.stringify(envelope({ order_no: 'DIGITS', ...changes })).replace('"DIGITS"', digits)
  const DIGITS = '2024021000000000000000000001'

  it('has its exact digits in the answer to a create [S27]', async () => {
    const body = numeric(DIGITS)
    const { client } = await startPingpp({ steps: [{ body }] })
    const created = await client.redEnvelopes.create({ ...GUIDE, order_no: DIGITS })
    expect(created).toEqual(envelope({ order_no: DIGITS }))
    expect(Object.isFrozen(created)).toBe(true)
  })

  it('has its exact digits in an answer by id, and in a list [S27]', async () => {
    expect(await retrieve({ body: numeric(DIGITS) })).toMatchObject({ order_no: DIGITS })
    const body = JSON.stringify(page([1, 2], false)).replace(
      '"order_no":"2"',
      `"order_no":${DIGITS}`,
    )
    const { client } = await startPingpp({ steps: [{ body }] })
    const { data } = await client.redEnvelopes.list()
    expect(data.map(({ order_no }) => order_no)).toEqual(['1', DIGITS])
  })

  it('is still refused if it differs, even in a digit that no double holds [S27]', async () => {
    const { client } = await startPingpp({ steps: [{ body: numeric(DIGITS) }] })
    const call = client.redEnvelopes.create({ ...GUIDE, order_no: DIGITS.replace(/1$/, '2') })
    expect(await errorOf(call)).toMatchObject({
      code: 'response-invalid',
      notCreated: false,
      message: expect.stringContaining('It is of another `order_no`.'),
    })
  })

  it('is unchanged in fields that are not Ping++’s: `extra` and `metadata`', async () => {
    const metadata = { order_no: 5 }
    expect(await retrieve({ json: envelope({ metadata }) })).toMatchObject({ metadata })
  })
})

describe('an answer that cannot be read', () => {
  const text = JSON.stringify(envelope())

  it.each<[string, Answer, string]>([
    ['empty', { body: '' }, 'It does not parse.'],
    ['no content', { status: 204 }, 'It does not parse.'],
    ['HTML', { body: '<html>' }, 'It does not parse.'],
    ['cut off, and complete for HTTP', { body: text.slice(0, 50) }, 'It does not parse.'],
    ['two in one', { body: text + text }, 'It does not parse.'],
    ['text', { json: 'ok' }, 'It is not an object.'],
    ['a list', { json: [envelope()] }, 'It is not an object.'],
    ['null', { json: null }, 'It is not an object.'],
    ['not UTF-8', { body: Buffer.from(text, 'latin1') }, 'A byte sequence is invalid.'],
    [
      'one with a repeated amount',
      { body: text.replace('"amount":100', '"amount":100,"amount":1') },
      'An object names a member twice.',
    ],
    [
      'a page that does not exist, of a proxy',
      { status: 404, body: 'Not Found' },
      'It does not parse.',
    ],
    ['a refusal without an error', { status: 400, json: {} }, 'It has no `error`.'],
    ['a refusal of a firewall', { status: 403, body: '<h1>Blocked</h1>' }, 'It does not parse.'],
  ])('is refused: %s', async (_, step, problem) => {
    const { client } = await startPingpp({ steps: [step] })
    const error = await errorOf(client.redEnvelopes.create(GUIDE))
    expect(error).toMatchObject({
      name: 'PingppError',
      code: 'response-invalid',
      status: step.status ?? 200,
      api: undefined,
      attempts: 1,
      notCreated: false,
    })
    expect(String(error)).toContain(`${problem} Its status is ${step.status ?? 200}.`)
    expect(String(error)).toContain('Check `baseUrl`, and proxies on the way.')
  })

  it.each([301, 302, 303, 304, 307, 308])('a redirect is not followed: %d', async (status) => {
    const steps = [{ status, headers: { location: '/elsewhere' } }, { json: envelope() }]
    const { client, seen } = await startPingpp({ steps })
    expect(await errorOf(client.redEnvelopes.create(GUIDE))).toMatchObject({
      code: 'response-invalid',
      status,
      message: expect.stringContaining('It redirects, which is not followed.'),
    })
    expect(seen.length).toBe(1)
  })

  it('is refused when it is too large, before all of it was read', async () => {
    let written = 0
    const { client } = await startPingpp({
      steps: [
        (response) => {
          response.writeHead(200)
          const more = (): void => {
            while (written < 64 * 2 ** 20) {
              written += 2 ** 16
              if (!response.write(Buffer.alloc(2 ** 16, ' '))) return
            }
            response.end()
          }
          response.on('drain', more)
          more()
        },
      ],
    })
    expect(await errorOf(client.redEnvelopes.retrieve(ID))).toMatchObject({
      code: 'response-invalid',
      status: 200,
      message: expect.stringContaining('It is over 4,194,304 bytes.'),
    })
    expect(written).toBeLessThan(32 * 2 ** 20)
  })

  it('of a gateway that is too large is judged only by its status', async () => {
    const step = { status: 503, body: Buffer.alloc(4 * 2 ** 20 + 1, ' ') }
    expect(await errorOf(retrieve(step))).toMatchObject({ code: 'server-failed', status: 503 })
  })

  it('is read completely up to that size', async () => {
    const body = Buffer.alloc(4 * 2 ** 20, ' ')
    body.write(JSON.stringify(envelope()))
    expect(await retrieve({ body })).toMatchObject({ id: ID })
  })
})

describe('with `publicKey`, an answer', () => {
  const { publicKey, privateKey } = PINGPP
  const other = generateKeyPairSync('rsa', { modulusLength: 2048 })

  async function startVerified(...steps: Step[]) {
    return startPingpp({ steps, options: { publicKey: [other.publicKey, publicKey] } })
  }

  it('that Ping++ signed is accepted', async () => {
    const { client } = await startVerified({ json: envelope(), signedBy: privateKey })
    expect(await client.redEnvelopes.create(GUIDE)).toEqual(envelope())
  })

  it('is verified over the bytes as they came', async () => {
    const body = `\uFEFF  ${JSON.stringify(envelope()).replace('新年红包', String.raw`新年红包`)}\r\n`
    const { client } = await startVerified({ body, signedBy: privateKey })
    expect(await client.redEnvelopes.create(GUIDE)).toEqual(envelope())
  })

  it.each<[string, Answer, string]>([
    ['that is unsigned', { json: envelope() }, 'It is unsigned. Its status is 200.'],
    [
      'that another key signed',
      {
        json: envelope(),
        signedBy: generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey,
      },
      'Its signature is wrong. Its status is 200.',
    ],
    [
      'whose signature is no base64',
      { json: envelope(), headers: { 'x-pingplusplus-signature': 'A'.repeat(342) + '!!' } },
      'Its signature is malformed. Its status is 200.',
    ],
    [
      'that is a refusal, and unsigned',
      refusal(402, { type: 'channel_error', message: '余额不足' }),
      'It is unsigned. Its status is 402.',
    ],
    [
      'that does not know the key, and is unsigned',
      refusal(401, { type: 'invalid_request_error', message: 'x' }),
      'It is unsigned. Its status is 401.',
    ],
    ['of a 500, unsigned', refusal(500, { message: 'x' }), 'It is unsigned. Its status is 500.'],
  ])('%s is refused, and its content is ignored', async (_, step, problem) => {
    const { client, seen } = await startVerified(step)
    const error = await errorOf(client.redEnvelopes.create(GUIDE))
    expect(error).toMatchObject({
      code: 'response-forged',
      status: step.status ?? 200,
      api: undefined,
      notCreated: false,
    })
    expect(String(error)).toContain(problem)
    expect(String(error)).toMatch(/ It came from http:\/\/127\.0\.0\.1:\d+\. /)
    expect(String(error)).not.toContain('余额不足')
    expect(seen.length).toBe(1)
  })

  it('that is a signed refusal is accepted', async () => {
    const error = { type: 'channel_error', message: '余额不足' }
    const { client } = await startVerified({ ...refusal(402, error), signedBy: privateKey })
    expect(await errorOf(client.redEnvelopes.create(GUIDE))).toMatchObject({
      code: 'channel-failed',
      api: error,
      notCreated: true,
    })
  })

  it.each([429, 502, 503, 504])(
    'of a gateway, which cannot sign, is judged only by its status: %d',
    async (status) => {
      const { client, seen } = await startVerified(
        { status, body: '{"error":{"code":"charge_order_no_used","message":"forged"}}' },
        { json: envelope(), signedBy: privateKey },
      )
      expect(await client.redEnvelopes.create(GUIDE)).toEqual(envelope())
      expect(seen.length).toBe(2)
      expect(
        await errorOf(
          startVerified({ status, json: { error: { message: 'forged' } } }).then(
            ({ client: another }) => another.redEnvelopes.create(GUIDE, { retries: 0 }),
          ),
        ),
      ).toMatchObject({ code: status === 429 ? 'rate-limited' : 'server-failed', api: undefined })
    },
  )

  it('to lists and events is verified too', async () => {
    const { client } = await startVerified({ json: page([1], false) })
    expect(await errorOf(client.redEnvelopes.list())).toMatchObject({ code: 'response-forged' })
    expect(await errorOf(client.events.retrieve('evt_1'))).toMatchObject({
      code: 'response-forged',
    })
  })
})

describe('an event in an answer', () => {
  const EVENT = {
    id: 'evt_dS28Kn8qsUCBZYTgSUxCPnKA',
    created: 1_707_532_791,
    livemode: true,
    type: 'red_envelope.sent',
    data: { object: envelope({ status: 'sent', livemode: true, extra: [], metadata: [] }) },
    object: 'event',
    pending_webhooks: 0,
    request: 'iar_H0OifTOmTS84Xfj5mT0mvfb1',
  }

  it('is typed, with an object for an empty list that PHP wrote', async () => {
    const { client, seen } = await startPingpp({ steps: [{ json: EVENT }] })
    const event = await client.events.retrieve(EVENT.id)
    const object = { ...EVENT.data.object, extra: {}, metadata: {} }
    expect(event).toEqual({ ...EVENT, data: { object } })
    expect(seen[0]).toMatchObject({ method: 'GET', target: `/v1/events/${EVENT.id}` })
  })

  it('may have a status ahead of its type, and in upper case [A40, A42]', async () => {
    const object = envelope({ status: 'RECEIVED' })
    const { client } = await startPingpp({ steps: [{ json: { ...EVENT, data: { object } } }] })
    expect(await client.events.retrieve(EVENT.id)).toMatchObject({
      type: 'red_envelope.sent',
      data: { object: { status: 'received' } },
    })
  })

  it('keeps the exact digits of a numeric id', async () => {
    const body = JSON.stringify({
      ...EVENT,
      type: 'order_refund.succeeded',
      data: { object: { id: 'DIGITS', object: 'order_refund', amount: 100 } },
    }).replace('"DIGITS"', '2111608270000005209')
    const { client } = await startPingpp({ steps: [{ body }] })
    expect(await client.events.retrieve(EVENT.id)).toMatchObject({
      data: { object: { id: '2111608270000005209' } },
    })
  })

  it.each<[string, object, string]>([
    ['no event', { type: undefined }, '`type` is not an event type.'],
    ['of another id', { id: 'evt_other' }, 'It is another event.'],
    ['without an id', { id: undefined }, 'It is another event.'],
    [
      'of an envelope whose final status contradicts its type [A41]',
      { type: 'red_envelope.received', data: { object: envelope({ status: 'failed' }) } },
      '`data.object.status` of a red_envelope.received is another end of the envelope.',
    ],
  ])('is refused: %s', async (_, changes, problem) => {
    const { client } = await startPingpp({ steps: [{ json: { ...EVENT, ...changes } }] })
    const error = await errorOf(client.events.retrieve(EVENT.id))
    expect(error).toMatchObject({ code: 'response-invalid', status: 200, notCreated: false })
    expect(String(error)).toContain(problem)
    expect(String(error)).not.toContain(API_KEY)
  })
})
