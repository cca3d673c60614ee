import { describe, expect, it } from 'vitest'
import { findParameterFlaw } from '../src/red-envelopes/create-parameters.ts'
import { seeded } from '../../core/test/seeded.ts'

// The guide's sample (step 3), in Chinese.
const GUIDE = {
  order_no: '123456789',
  app: { id: 'app_1Gqj58ynP0mHeX1q' },
  channel: 'wx_pub',
  amount: 100,
  currency: 'cny',
  subject: '新年红包',
  body: '恭喜发财,大吉大利!🧧',
  extra: { send_name: '红包商店' },
  recipient: 'o9zpMs7Xk9e9aJbTXgufovuWGp7c',
  description: '春节活动:每位会员一个红包',
}

function flawWith(changes: object): unknown {
  return findParameterFlaw({ ...GUIDE, ...changes })
}

describe('parameters within the documented limits', () => {
  it.each<[string, object]>([
    ['the guide’s sample', {}],
    ['the smallest usual amount', { amount: 100 }],
    ['the largest usual amount', { amount: 20_000 }],
    ['1 fen in a scene', { amount: 1, extra: { send_name: 'x', scene_id: 'PRODUCT_1' } }],
    [
      '4,999 yuan in a scene',
      { amount: 499_900, extra: { send_name: 'x', scene_id: 'PRODUCT_8' } },
    ],
    ['a scene with a usual amount', { extra: { send_name: 'x', scene_id: 'PRODUCT_2' } }],
    ['an order number of 1 digit', { order_no: '0' }],
    ['an order number of 28 digits', { order_no: '0'.repeat(28) }],
    ['a subject of ten Chinese characters', { subject: '恭'.repeat(10) }],
    ['a subject of 32 letters', { subject: 'a'.repeat(32) }],
    ['a subject of eight emoji', { subject: '🧧'.repeat(8) }],
    ['a body of 42 Chinese characters', { body: '恭'.repeat(42) }],
    ['a description of 85 Chinese characters', { description: '恭'.repeat(85) }],
    ['a sender of ten Chinese characters', { extra: { send_name: '红'.repeat(10) } }],
    ['empty metadata', { metadata: {} }],
    ['empty metadata as PHP sends it', { metadata: [] }],
    ['metadata that is null', { metadata: null }],
    ['20 pairs of metadata', { metadata: pairs(20) }],
    ['1,000 characters of metadata', { metadata: { k: '恭'.repeat(999) } }],
    ['1,000 emoji of metadata', { metadata: { '🧧': '🧧'.repeat(999) } }],
    ['metadata of every kind', { metadata: { a: '', b: 0, c: false, d: null, e: undefined } }],
    ['unknown parameters', { new_field: { of: ['Ping++'] }, extra: { send_name: 'x', y: 1 } }],
    ['a channel that came later', { channel: 'wx_lite' }],
  ])('have no flaw: %s', (_, changes) => {
    expect(flawWith(changes)).toBeUndefined()
  })
})

describe('a parameter that is missing', () => {
  it.each([
    ['app[id]', 'app', '`app[id]` is missing: the id of your app, "app_…".'],
    ['channel', 'channel', '`channel` is missing: "wx_pub".'],
    ['order_no', 'order_no', '`order_no` is missing: your own number, a string of 1 to 28 digits.'],
    ['amount', 'amount', '`amount` is missing: a whole number of fen, 150 for 1.50 yuan.'],
    ['currency', 'currency', '`currency` is missing: "cny".'],
    ['recipient', 'recipient', '`recipient` is missing: the openid of who receives it.'],
    [
      'subject',
      'subject',
      '`subject` is missing: a title of at most 32 bytes (10 Chinese characters).',
    ],
    ['body', 'body', '`body` is missing: a wish of at most 128 bytes (42 Chinese characters).'],
    [
      'description',
      'description',
      '`description` is missing: a text of at most 255 bytes (85 Chinese characters).',
    ],
    [
      'extra[send_name]',
      'extra',
      '`extra[send_name]` is missing: the name of who sends it of at most 32 bytes (10 Chinese characters).',
    ],
  ])('is named: %s', (param, name, detail) => {
    const { [name as keyof typeof GUIDE]: _, ...rest } = GUIDE
    expect(findParameterFlaw(rest)).toEqual({ param, detail })
    expect(flawWith({ [name]: undefined })).toEqual({ param, detail })
    expect(flawWith({ [name]: null })).toEqual({ param, detail })
  })

  it.each([
    ['app', {}, 'app[id]'],
    ['app', { id: null }, 'app[id]'],
    ['extra', {}, 'extra[send_name]'],
    ['extra', [], 'extra[send_name]'],
  ])('is named inside another one: %s', (name, value, param) => {
    expect(flawWith({ [name]: value })).toMatchObject({ param })
  })

  it('is not taken from a prototype, which JSON does not send', () => {
    const inherited: unknown = Object.assign(Object.create({ channel: 'wx_pub' }), {
      ...GUIDE,
      channel: undefined,
    })
    expect(findParameterFlaw(inherited)).toMatchObject({ param: 'channel' })
  })

  it.each([undefined, null, {}, [], [GUIDE], 'text', 5, () => GUIDE])(
    'is the first one if there are no parameters: %j',
    (params) => {
      expect(findParameterFlaw(params)).toMatchObject({ param: 'app[id]' })
    },
  )
})

describe('an amount', () => {
  const fen = 'a whole number of fen, 150 for 1.50 yuan'
  const usual = '100 to 20,000 fen (1 to 200 yuan), or any with `extra[scene_id]`'

  it.each<[unknown, string]>([
    [99, `${usual}; it is 99.`],
    [1, `${usual}; it is 1.`],
    [20_001, `${usual}; it is 20001.`],
    [0, `${fen}; it is 0.`],
    [-100, `${fen}; it is -100.`],
    [8.88, `${fen}; it is 8.88.`],
    [2 ** 53, `${fen}; it is 9007199254740992.`],
    [Number.NaN, `${fen}; it is NaN.`],
    [Infinity, `${fen}; it is Infinity.`],
    ['100', `${fen}; it is a string of 3 bytes.`],
    [100n, `${fen}; it is a bigint.`],
    [true, `${fen}; it is a boolean.`],
    [[100], `${fen}; it is a list.`],
    [{ fen: 100 }, `${fen}; it is an object (members: 1).`],
  ])('is refused: %s', (amount, detail) => {
    expect(flawWith({ amount })).toEqual({
      param: 'amount',
      detail: `\`amount\` must be ${detail}`,
    })
  })

  it('needs a scene that exists', () => {
    const extra = { send_name: 'x', scene_id: 'PRODUCT_9' }
    const detail =
      '`extra[scene_id]` must be "PRODUCT_1" to "PRODUCT_8"; it is a string of 9 bytes.'
    expect(flawWith({ amount: 99, extra })).toEqual({ param: 'extra[scene_id]', detail })
    expect(flawWith({ amount: 500, extra })).toEqual({ param: 'extra[scene_id]', detail })
    expect(flawWith({ amount: 99, extra: { send_name: 'x', scene_id: null } })).toMatchObject({
      param: 'amount',
    })
  })

  it('is not below 1 fen in a scene either', () => {
    const extra = { send_name: 'x', scene_id: 'PRODUCT_1' }
    expect(flawWith({ amount: 0, extra })).toMatchObject({ param: 'amount' })
  })
})

describe('an order number', () => {
  it.each<[unknown, string]>([
    ['1'.repeat(29), 'a string of 29 bytes'],
    ['', 'a string of 0 bytes'],
    ['A17', 'a string of 3 bytes'],
    ['１２３', 'a string of 9 bytes'],
    ['123\n', 'a string of 4 bytes'],
    [' 123', 'a string of 4 bytes'],
    [123, '123'],
  ])('is refused: %j', (order_no, found) => {
    expect(flawWith({ order_no })).toEqual({
      param: 'order_no',
      detail: `\`order_no\` must be your own number, a string of 1 to 28 digits; it is ${found}.`,
    })
  })
})

describe('a text', () => {
  const texts = [
    ['subject', 32, 10, 'a title', (value: unknown) => ({ subject: value })],
    ['body', 128, 42, 'a wish', (value: unknown) => ({ body: value })],
    ['description', 255, 85, 'a text', (value: unknown) => ({ description: value })],
    [
      'extra[send_name]',
      32,
      10,
      'the name of who sends it',
      (value: unknown) => ({ extra: { send_name: value } }),
    ],
  ] as const

  it.each(texts)(
    '%s is limited to %d bytes, %d Chinese characters',
    (param, max, han, what, put) => {
      const detail = (bytes: number): string =>
        `\`${param}\` must be ${what} of at most ${max} bytes (${han} Chinese characters); it is a string of ${bytes} bytes.`
      expect(flawWith(put('a'.repeat(max)))).toBeUndefined()
      expect(flawWith(put('a'.repeat(max + 1)))).toEqual({ param, detail: detail(max + 1) })
      expect(flawWith(put('恭'.repeat(han)))).toBeUndefined()
      expect(flawWith(put('恭'.repeat(han + 1)))).toEqual({ param, detail: detail(han * 3 + 3) })
    },
  )

  it('is counted in bytes of UTF-8', () => {
    // Characters of one to four bytes (RFC 3629, section 3).
    const sizes = {
      a: 1,
      '\n': 1,
      '\u0000': 1,
      é: 2,
      ß: 2,
      恭: 3,
      '，': 3,
      '\uFFFF': 3,
      '🧧': 4,
      𠮷: 4,
    }
    const random = seeded(3)
    const problems = Array.from({ length: 500 }, () => {
      const characters = Array.from({ length: 1 + random.below(20) }, () =>
        random.pick(Object.entries(sizes)),
      )
      const bytes = characters.reduce((sum, [, size]) => sum + size, 0)
      const subject = characters.map(([character]) => character).join('')
      const found = (flawWith({ subject }) as { detail?: string } | undefined)?.detail
      return { found, bytes }
    })
    expect(problems.map(({ found }) => found)).toEqual(
      problems.map(({ bytes }) =>
        bytes <= 32
          ? undefined
          : `\`subject\` must be a title of at most 32 bytes (10 Chinese characters); it is a string of ${bytes} bytes.`,
      ),
    )
  })

  it.each(texts)('%s with half an emoji is refused', (param, max, han, what, put) => {
    const half = '🧧'.slice(0, 1)
    const detail = `\`${param}\` must be ${what} of at most ${max} bytes (${han} Chinese characters); it is a string with half a character (a lone surrogate): was an emoji cut in two? UTF-8 cannot carry it.`
    expect(flawWith(put(`恭喜${half}`))).toEqual({ param, detail })
  })

  it.each([
    'app[id]',
    'channel',
    'recipient',
    'subject',
    'body',
    'description',
    'extra[send_name]',
  ])('%s may not be empty, a number, or a list', (param) => {
    const put = (value: unknown): object => {
      const [name = '', member] = param.split(/[[\]]/)
      return { [name]: member === undefined ? value : { [member]: value } }
    }
    for (const [value, found] of [
      ['', 'a string of 0 bytes'],
      [5, '5'],
      [['x'], 'a list'],
    ] as const) {
      const detail: unknown = expect.stringMatching(new RegExp(`^.*must be .*; it is ${found}\\.$`))
      expect(flawWith(put(value))).toEqual({ param, detail })
    }
  })
})

describe('a parameter that must be an object', () => {
  it.each<[string, unknown, string]>([
    ['app', 'app_1', '`app` must be an object with `id`; it is a string of 5 bytes.'],
    ['app', ['app_1'], '`app` must be an object with `id`; it is a list.'],
    [
      'extra',
      'send_name',
      '`extra` must be an object with `send_name`; it is a string of 9 bytes.',
    ],
    ['metadata', 'x', '`metadata` must be an object; it is a string of 1 bytes.'],
    ['metadata', ['x'], '`metadata` must be an object; it is a list.'],
  ])('%s is refused if it is anything else', (name, value, detail) => {
    expect(flawWith({ [name]: value })).toEqual({ param: name, detail })
  })
})

describe('a currency', () => {
  it.each<[unknown, string]>([
    ['CNY', 'must be "cny"; it is a string of 3 bytes.'],
    ['usd', 'must be "cny"; it is a string of 3 bytes.'],
    [156, 'must be "cny"; it is 156.'],
  ])('is refused: %s', (currency, detail) => {
    expect(flawWith({ currency })).toEqual({
      param: 'currency',
      detail: `\`currency\` ${detail}`,
    })
  })
})

describe('metadata', () => {
  const kinds = 'of texts, numbers, true and false, and nothing nested'
  const total = 'of at most 1,000 whole characters, keys and values together'

  it.each<[string, unknown, string]>([
    ['21 pairs', pairs(21), 'of at most 20 pairs; it is an object (members: 21)'],
    ['1,001 characters', { k: '恭'.repeat(1000) }, total],
    ['1,001 emoji', { '🧧': '🧧'.repeat(1000) }, total],
    ['long keys', { ['k'.repeat(1001)]: '' }, total],
    ['an object inside', { gift: { to: 'you' } }, kinds],
    ['a list inside', { gifts: [1] }, kinds],
    ['a date', { at: new Date(0) }, kinds],
    ['a function', { at: () => 0 }, kinds],
    ['a bigint', { id: 1n }, kinds],
    ['a symbol', { id: Symbol('x') }, kinds],
    ['no number', { ratio: Number.NaN }, kinds],
    ['half an emoji', { wish: '\uD83E' }, total],
  ])('is refused: %s', (_, metadata, expected) => {
    expect(flawWith({ metadata })).toEqual({
      param: 'metadata',
      detail: expect.stringContaining(`\`metadata\` must be ${expected}`),
    })
  })

  it('is refused although the other half of the character is next to it', () => {
    for (const metadata of [{ 'a\uD83E': '\uDDE7' }, { a: '\uD83E', '\uDDE7': 'b' }]) {
      expect(flawWith({ metadata })).toMatchObject({
        detail: expect.stringContaining('whole characters'),
      })
    }
  })

  it('is checked without what JSON leaves out', () => {
    expect(flawWith({ metadata: { ...pairs(20), more: undefined } })).toBeUndefined()
  })
})

describe('a flaw', () => {
  it('names its parameter, and never repeats a value', () => {
    const secret = 'sk_live_4eC39HqLyjWDarjtT1zdp7dc'
    for (const name of [...Object.keys(GUIDE), 'metadata']) {
      for (const value of [
        secret.repeat(9),
        { id: { secret } },
        [secret],
        { send_name: secret.repeat(2) },
      ]) {
        const flaw = findParameterFlaw({ ...GUIDE, [name]: value })
        if (flaw === undefined) continue
        expect(flaw.detail?.startsWith(`\`${flaw.param}\` `)).toBe(true)
        expect(JSON.stringify(flaw)).not.toContain('sk_live')
      }
    }
  })

  it.each([...Object.keys(GUIDE), 'metadata'])('is found without throwing: %s', (name) => {
    const cycle: Record<string, unknown> = {}
    cycle['id'] = cycle
    const values = [
      undefined,
      null,
      true,
      0,
      -0,
      1n,
      '',
      '\uD800',
      Symbol('x'),
      () => {},
      [],
      [[]],
      {},
      cycle,
      new Date(Number.NaN),
      new Map(),
      Object.create(null),
    ]
    for (const value of values) {
      const flaw = flawWith({ [name]: value }) as { param: string } | undefined
      expect(flaw?.param ?? name).toContain(name)
    }
  })
})

function pairs(count: number): Record<string, string> {
  return Object.fromEntries(Array.from({ length: count }, (_, at) => [`key${at}`, '值']))
}
