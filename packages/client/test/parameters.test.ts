import { describe, expect, it } from 'vitest'
import { findParameterFlaw } from '../src/red-envelopes/parameters.ts'
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
    ['order_no', 'order_no', '`order_no` is missing: your own number, 1 to 28 digits.'],
    ['amount', 'amount', '`amount` is missing: an integer in fen, 100 for 1 yuan.'],
    ['currency', 'currency', '`currency` is missing: "cny".'],
    ['recipient', 'recipient', '`recipient` is missing: the openid of who receives it.'],
    ['subject', 'subject', '`subject` is missing: a title of at most 32 bytes.'],
    ['body', 'body', '`body` is missing: a wish of at most 128 bytes.'],
    ['description', 'description', '`description` is missing: a text of at most 255 bytes.'],
    [
      'extra[send_name]',
      'extra',
      '`extra[send_name]` is missing: the name of who sends it, at most 32 bytes.',
    ],
  ])('is named: %s', (param, name, problem) => {
    const { [name as keyof typeof GUIDE]: _, ...rest } = GUIDE
    expect(findParameterFlaw(rest)).toEqual({ param, problem })
    expect(flawWith({ [name]: undefined })).toEqual({ param, problem })
    expect(flawWith({ [name]: null })).toEqual({ param, problem })
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
  const outside =
    'fen; 100 to 20,000 are allowed (1 to 200 yuan), others only with `extra[scene_id]`.'

  it.each<[unknown, string]>([
    [99, `is below 100 ${outside}`],
    [1, `is below 100 ${outside}`],
    [20_001, `is above 20,000 ${outside}`],
    [0, 'is below 1 fen.'],
    [-100, 'is below 1 fen.'],
    [8.88, 'is not an integer in fen: 1.50 yuan is 150.'],
    [2 ** 53, 'is not an integer in fen: 1.50 yuan is 150.'],
    [Number.NaN, 'is not an integer in fen: 1.50 yuan is 150.'],
    [Infinity, 'is not an integer in fen: 1.50 yuan is 150.'],
    ['100', 'is a string; an integer in fen is expected.'],
    [100n, 'is a bigint; an integer in fen is expected.'],
    [true, 'is a boolean; an integer in fen is expected.'],
    [[100], 'is a list; an integer in fen is expected.'],
    [{ fen: 100 }, 'is an object; an integer in fen is expected.'],
  ])('is refused: %s', (amount, problem) => {
    expect(flawWith({ amount })).toEqual({ param: 'amount', problem: `\`amount\` ${problem}` })
  })

  it('needs a scene that exists', () => {
    const extra = { send_name: 'x', scene_id: 'PRODUCT_9' }
    const problem = '`extra[scene_id]` is another string; "PRODUCT_1" to "PRODUCT_8" is expected.'
    expect(flawWith({ amount: 99, extra })).toEqual({ param: 'extra[scene_id]', problem })
    expect(flawWith({ amount: 500, extra })).toEqual({ param: 'extra[scene_id]', problem })
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
  const expected = '1 to 28 digits are expected.'

  it.each<[unknown, string]>([
    ['1'.repeat(29), `has 29 digits; ${expected}`],
    ['', `is empty; ${expected}`],
    ['A17', `has characters that are not digits 0 to 9; ${expected}`],
    ['１２３', `has characters that are not digits 0 to 9; ${expected}`],
    ['123\n', `has characters that are not digits 0 to 9; ${expected}`],
    [' 123', `has characters that are not digits 0 to 9; ${expected}`],
    [123, 'is a number; a string of 1 to 28 digits is expected.'],
  ])('is refused: %j', (order_no, problem) => {
    expect(flawWith({ order_no })).toEqual({
      param: 'order_no',
      problem: `\`order_no\` ${problem}`,
    })
  })
})

describe('a text', () => {
  const texts = [
    ['subject', 32, 10, (value: unknown) => ({ subject: value })],
    ['body', 128, 42, (value: unknown) => ({ body: value })],
    ['description', 255, 85, (value: unknown) => ({ description: value })],
    ['extra[send_name]', 32, 10, (value: unknown) => ({ extra: { send_name: value } })],
  ] as const

  it.each(texts)('%s is limited to %d bytes, %d Chinese characters', (param, max, han, put) => {
    const problem = (bytes: number): string =>
      `\`${param}\` has ${bytes} bytes; at most ${max} are allowed, which is ${han} Chinese characters.`
    expect(flawWith(put('a'.repeat(max)))).toBeUndefined()
    expect(flawWith(put('a'.repeat(max + 1)))).toEqual({ param, problem: problem(max + 1) })
    expect(flawWith(put('恭'.repeat(han)))).toBeUndefined()
    expect(flawWith(put('恭'.repeat(han + 1)))).toEqual({ param, problem: problem(han * 3 + 3) })
  })

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
      const found = (flawWith({ subject }) as { problem?: string } | undefined)?.problem
      return { found, bytes }
    })
    expect(problems.map(({ found }) => found)).toEqual(
      problems.map(({ bytes }) =>
        bytes <= 32
          ? undefined
          : `\`subject\` has ${bytes} bytes; at most 32 are allowed, which is 10 Chinese characters.`,
      ),
    )
  })

  it.each(texts)('%s with half an emoji is refused', (param, _max, _han, put) => {
    const half = '🧧'.slice(0, 1)
    const problem = `\`${param}\` has half a character (a lone surrogate): was an emoji cut in two? UTF-8 cannot carry it.`
    expect(flawWith(put(`恭喜${half}`))).toEqual({ param, problem })
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
    expect(flawWith(put(''))).toEqual({ param, problem: `\`${param}\` is empty.` })
    expect(flawWith(put(5))).toEqual({
      param,
      problem: `\`${param}\` is a number; a string is expected.`,
    })
    expect(flawWith(put(['x']))).toEqual({
      param,
      problem: `\`${param}\` is a list; a string is expected.`,
    })
  })
})

describe('a parameter that must be an object', () => {
  it.each<[string, unknown, string]>([
    ['app', 'app_1', '`app` is a string; an object with `id` is expected.'],
    ['app', ['app_1'], '`app` is a list; an object with `id` is expected.'],
    ['extra', 'send_name', '`extra` is a string; an object with `send_name` is expected.'],
    ['metadata', 'x', '`metadata` is a string; an object is expected.'],
    ['metadata', ['x'], '`metadata` is a list; an object is expected.'],
  ])('%s is refused if it is anything else', (name, value, problem) => {
    expect(flawWith({ [name]: value })).toEqual({ param: name, problem })
  })
})

describe('a currency', () => {
  it.each<[unknown, string]>([
    ['CNY', 'is another string; "cny" is expected.'],
    ['usd', 'is another string; "cny" is expected.'],
    [156, 'is a number; "cny" is expected.'],
  ])('is refused: %s', (currency, problem) => {
    expect(flawWith({ currency })).toEqual({
      param: 'currency',
      problem: `\`currency\` ${problem}`,
    })
  })
})

describe('metadata', () => {
  const kinds = 'texts, numbers, true and false are allowed, and nothing nested.'
  const total = 'characters, keys and values together; at most 1,000 are allowed.'

  it.each<[string, unknown, string]>([
    ['21 pairs', pairs(21), 'has 21 pairs; at most 20 are allowed.'],
    ['1,001 characters', { k: '恭'.repeat(1000) }, `has 1,001 ${total}`],
    ['1,001 emoji', { '🧧': '🧧'.repeat(1000) }, `has 1,001 ${total}`],
    ['long keys', { ['k'.repeat(1001)]: '' }, `has 1,001 ${total}`],
    ['an object inside', { gift: { to: 'you' } }, `holds an object; ${kinds}`],
    ['a list inside', { gifts: [1] }, `holds a list; ${kinds}`],
    ['a date', { at: new Date(0) }, `holds an object; ${kinds}`],
    ['a function', { at: () => 0 }, `holds a function; ${kinds}`],
    ['a bigint', { id: 1n }, `holds a bigint; ${kinds}`],
    ['a symbol', { id: Symbol('x') }, `holds a symbol; ${kinds}`],
    ['no number', { ratio: Number.NaN }, `holds no finite number; ${kinds}`],
    [
      'half an emoji',
      { wish: '\uD83E' },
      'has half a character (a lone surrogate): was an emoji cut in two? UTF-8 cannot carry it.',
    ],
  ])('is refused: %s', (_, metadata, problem) => {
    expect(flawWith({ metadata })).toEqual({
      param: 'metadata',
      problem: `\`metadata\` ${problem}`,
    })
  })

  it('is refused although the other half of the character is next to it', () => {
    for (const metadata of [{ 'a\uD83E': '\uDDE7' }, { a: '\uD83E', '\uDDE7': 'b' }]) {
      expect(flawWith({ metadata })).toMatchObject({
        problem: expect.stringContaining('half a character'),
      })
    }
  })

  it('is checked without what JSON leaves out', () => {
    expect(flawWith({ metadata: { ...pairs(20), more: undefined } })).toBeUndefined()
  })
})

describe('a problem', () => {
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
        expect(flaw.problem.startsWith(`\`${flaw.param}\` `)).toBe(true)
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
