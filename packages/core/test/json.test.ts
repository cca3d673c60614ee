import { describe, expect, it } from 'vitest'
import { readStrictJson, type StrictJson } from '../src/events/json.ts'
import { isFrozenThroughout } from './signed.ts'
import { seeded, type Seeded } from './seeded.ts'

const SEED = 20_240_210
const CASES = 3000
const TWICE = 'An object names a member twice.'

describe('JSON', () => {
  it.each([
    ['an object', '{"a":[1,"x",null,true,{"b":{}}]}'],
    ['an empty object', '{}'],
    ['nested empty things', '[{},[],[{}],{"a":{}}]'],
    ['a number', '5'],
    ['a string', '"x"'],
    ['null', 'null'],
    ['whitespace all around', ' \t\r\n{ "a" :\n1 }\r\n '],
  ])('is read: %s', (_, text) => {
    expect(read(text)).toStrictEqual({ ok: true, value: JSON.parse(text), text })
  })

  it('is read without its byte order mark [A6]', () => {
    expect(read('\uFEFF{"a":1}')).toMatchObject({ ok: true, value: { a: 1 }, text: '{"a":1}' })
    expect(read('\uFEFF\uFEFF{"a":1}')).toMatchObject({ ok: false, code: 'event-not-json' })
  })

  it.each([
    ['nothing [A1]', ''],
    ['one byte [A2]', '{'],
    ['a truncated object [A3]', '{"id":"evt_1","created":17'],
    ['NaN [A26]', '{"a":NaN}'],
    ['Infinity [A26]', '{"a":Infinity}'],
    ['hexadecimal [A26]', '{"a":0x10}'],
    ['a leading zero [A26]', '{"a":010}'],
    ['a leading plus [A26]', '{"a":+1}'],
    ['a bare point [A26]', '{"a":.5}'],
    ['a comment [A26]', '{"a":1/* one */}'],
    ['a comment line [A26]', '// event\n{"a":1}'],
    ['a trailing comma [A26]', '{"a":1,}'],
    ['single quotes [A26]', "{'a':1}"],
    ['a name without quotes [A26]', '{a:1}'],
    ['a trailing NUL [A26]', '{"a":1}\0'],
    ['a no-break space [A26]', '\u00a0{"a":1}'],
    ['a raw newline in a string [A26]', '{"a":"x\ny"}'],
    ['two documents [A32]', '{"a":1}{"a":1}'],
    ['a line of documents [A32]', '{"a":1}\n{"a":2}'],
    ['an unknown escape [A26]', String.raw`{"a":"\x41"}`],
  ])('is not: %s', (_, text) => {
    expect(read(text)).toEqual({ ok: false, code: 'event-not-json', reason: 'It does not parse.' })
  })

  it.each([
    ['a byte that never occurs [A7]', [0xff]],
    ['a continuation byte by itself [A7]', [0x80]],
    ['a sequence cut off [A7]', [0xe6, 0x96]],
    ['an overlong slash [A7]', [0xc0, 0xaf]],
    ['an overlong quote [A7]', [0xc0, 0xa2]],
    ['half of a surrogate pair [A7]', [0xed, 0xa0, 0x80]],
    ['a code point above Unicode [A7]', [0xf4, 0x90, 0x80, 0x80]],
    ['the GBK bytes of 红包 [A10]', [0xba, 0xec, 0xb0, 0xfc]],
  ])('is UTF-8, so a string does not hold %s', (_, bytes) => {
    const text = Buffer.concat([Buffer.from('{"a":"'), Buffer.from(bytes), Buffer.from('"}')])
    expect(readStrictJson(text)).toMatchObject({ ok: false, code: 'event-not-utf8' })
  })

  it('is not UTF-16 [A9]', () => {
    const little = Buffer.from('{"a":"x"}', 'utf16le')
    const marked = Buffer.concat([Buffer.of(0xff, 0xfe), little])
    expect(readStrictJson(little)).toMatchObject({ ok: false, code: 'event-not-json' })
    expect(readStrictJson(Buffer.from(little).swap16())).toMatchObject({ ok: false })
    expect(readStrictJson(marked)).toMatchObject({ ok: false, code: 'event-not-utf8' })
  })

  it('keeps escaped surrogates, NUL and emoji in strings [A30] [A31]', () => {
    const result = read(String.raw`{"a":"\ud800","b":"x\u0000y","c":"🧧","d":"\ud83e\udde7"}`)
    expect(valueOf(result)).toStrictEqual({ a: '\ud800', b: 'x\0y', c: '🧧', d: '🧧' })
  })
})

describe('nesting', () => {
  it.each([
    ['arrays', '[', ']'],
    ['objects', '{"a":', '}'],
  ])('of 64 %s is read, of 65 not [A25]', (_, open, close) => {
    const nested = (depth: number): StrictJson =>
      read(`${open.repeat(depth - 1)}[]${close.repeat(depth - 1)}`)
    expect(nested(64).ok).toBe(true)
    expect(nested(65)).toEqual({
      ok: false,
      code: 'event-not-json',
      reason: 'It nests deeper than 64.',
    })
  })

  it('counts objects and arrays together [A25]', () => {
    expect(read(`${'[{"a":'.repeat(32)}1${'}]'.repeat(32)}`).ok).toBe(true)
    expect(read(`${'[{"a":'.repeat(33)}1${'}]'.repeat(33)}`).ok).toBe(false)
  })

  it.each([10_000, 200_000, 1_000_000])('of %d levels is harmless [A25] [S7]', (depth) => {
    expect(read('['.repeat(depth) + ']'.repeat(depth))).toMatchObject({ ok: false })
  })

  it('of 10,000 levels would break stores and queues [A25]', () => {
    const deep: unknown = JSON.parse('['.repeat(10_000) + ']'.repeat(10_000))
    expect(() => structuredClone(deep)).toThrow(RangeError)
  })

  it('beside 100,000 neighbours is no deeper [A25]', () => {
    expect(read(`[${'[1],'.repeat(100_000)}[1]]`).ok).toBe(true)
  })
})

describe('a member named twice', () => {
  it.each([
    ['side by side [A23]', '{"a":1,"a":2}'],
    ['with the same value [A23]', '{"a":1,"a":1}'],
    ['with others between [A23]', '{"a":1,"b":2,"a":3}'],
    ['three times [A23]', '{"a":1,"a":2,"a":3}'],
    ['once through an escape [A23]', String.raw`{"id":1,"\u0069d":2}`],
    ['through two different escapes [A23]', String.raw`{"/":1,"\/":2}`],
    ['deep inside [A23]', '{"data":{"object":{"amount":1,"amount":100}}}'],
    ['in an array [A23]', '[1,[{"a":1,"a":2}]]'],
    ['in the value that the second replaces [A23]', '{"a":{"b":1,"b":2},"a":1}'],
    ['holding objects [A23]', '{"a":{"b":1},"a":{"c":1}}'],
    ['with an empty name [A23]', '{"":1,"":2}'],
    ['with a number for its name [A23]', '{"1":1,"1":2}'],
    ['called __proto__ [A23]', '{"__proto__":1,"__proto__":2}'],
    ['in Chinese [A23]', '{"红包":1,"红包":2}'],
    ['whose value is null [A23]', '{"a":null,"a":null}'],
    ['after a byte order mark [A23]', '\uFEFF{"a":1,"a":2}'],
  ])('is refused: %s', (_, text) => {
    expect(read(text)).toEqual({ ok: false, code: 'event-not-json', reason: TWICE })
  })

  it.each([
    ['the same name in two objects [A23]', '[{"a":1},{"a":2},{"b":{"a":3}}]'],
    ['names that differ in case [A23]', '{"a":1,"A":2}'],
    ['a string full of members [A23]', String.raw`{"a":"{\"a\":1,\"a\":2}","b":":::\":"}`],
    ['a name full of colons [A23]', '{"a:b:c":":","d":[":",{":":":"}]}'],
    ['strings that end in backslashes [A23]', String.raw`{"a":"\\","b":"\\\\","c":"\\\":"}`],
    ['escaped quotes before colons [A23]', String.raw`{"a":"\":\"","\"":":","\\":1}`],
    ['a name that spells an escape [A23]', String.raw`{"\\u0061":1,"a":2}`],
    ['precomposed and decomposed letters [A23]', '{"\u00e9":1,"e\u0301":2}'],
    ['characters whose bytes hold 22, 3a or 5c in other encodings [A23]', '{"a":"∺≢尜：＂＼"}'],
  ])('is not seen in %s', (_, text) => {
    expect(valueOf(read(text))).toStrictEqual(JSON.parse(text))
  })

  it(`is never found in the output of JSON.stringify: ${CASES} values from seed ${SEED} [A23]`, () => {
    const random = seeded(SEED)
    for (let count = 0; count < CASES; count += 1) {
      const value = randomValue(random, 5)
      const text = JSON.stringify(value, null, random.pick([0, 1, '\t']))
      expect(JSON.stringify(valueOf(read(text)))).toBe(JSON.stringify(value))
    }
  })

  it(`is never found in randomly escaped strings: ${CASES} values from seed ${SEED} [A23]`, () => {
    const random = seeded(SEED)
    for (let count = 0; count < CASES; count += 1) {
      const value = randomValue(random, 5)
      const text = writeJson(value, random)
      expect(JSON.stringify(JSON.parse(text))).toBe(JSON.stringify(value))
      expect(read(text)).toMatchObject({ ok: true, text })
    }
  })

  it(`is always found if one was inserted: ${CASES} values from seed ${SEED} [A23]`, () => {
    const random = seeded(SEED)
    for (let count = 0; count < CASES; count += 1) {
      const value = { holder: randomValue(random, 4), more: { '"': 1, 'a:': [2] } }
      const text = writeJson(value, random, random.below(membersIn(value)))
      expect(() => JSON.parse(text) as unknown).not.toThrow()
      expect({ text, result: read(text) }).toMatchObject({ result: { ok: false, reason: TWICE } })
    }
  })
})

describe('the parsed value', () => {
  it('is frozen all the way down [F10]', () => {
    const value = valueOf(read('{"a":[{"b":{"c":[[]]}},1],"d":{}}'))
    expect(isFrozenThroughout(value)).toBe(true)
  })

  it('does not change Object.prototype, with any names of members [A24] [S7]', () => {
    const text = '{"__proto__":{"polluted":1},"constructor":{"prototype":{"polluted":1}}}'
    const value = valueOf(read(text)) as object
    expect(({} as { polluted?: unknown }).polluted).toBeUndefined()
    expect(Object.getPrototypeOf(value)).toBe(Object.prototype)
    expect(Object.keys(value)).toEqual(['__proto__', 'constructor'])
    expect(isFrozenThroughout(value)).toBe(true)
  })
})

function read(text: string): StrictJson {
  return readStrictJson(new TextEncoder().encode(text))
}

function valueOf(result: StrictJson): unknown {
  if (!result.ok) throw new Error(`Refused: ${result.reason}`)
  return result.value
}

// Whatever could confuse a reader that counts colons and quotes.
const PIECES = [
  'a',
  ':',
  '"',
  '\\',
  '{',
  '}',
  '[',
  ',',
  '\n',
  '\0',
  '红',
  '🧧',
  '\ud800',
  'u003a',
  ' ',
]
const NAMES = ['id', 'type', 'data', '__proto__', 'constructor', 'toString', '', '0', '1', 'length']

function randomValue(random: Seeded, depth: number): unknown {
  const kind = random.below(depth === 0 ? 5 : 8)
  if (kind === 0) return null
  if (kind === 1) return random.below(2) === 0
  if (kind === 2) return random.pick([0, -1, 1.5, 100, 1e21, 1e-7, Number.MAX_SAFE_INTEGER])
  if (kind <= 4) return randomText(random)
  const length = random.below(5)
  if (kind === 5) return Array.from({ length }, () => randomValue(random, depth - 1))
  const members = Array.from({ length }, (): [string, unknown] => [
    random.below(2) === 0 ? random.pick(NAMES) : randomName(random),
    randomValue(random, depth - 1),
  ])
  return Object.fromEntries(members)
}

// A single backslash is left out: once V8 13.6 (Node 24) has met {"a":1,"\\":2}, it reads the name
// in {"a":1,"\n":2}, and any other of one escaped character, as a backslash.
function randomName(random: Seeded): string {
  const name = randomText(random)
  return name === '\\' ? 'backslash' : name
}

function randomText(random: Seeded): string {
  return Array.from({ length: random.below(6) }, () => random.pick(PIECES)).join('')
}

function membersIn(value: unknown): number {
  if (typeof value !== 'object' || value === null) return 0
  const own = Array.isArray(value) ? 0 : Object.keys(value).length
  return Object.values(value).reduce((sum: number, each) => sum + membersIn(each), own)
}

/** Writes JSON with escapes and whitespace at random, and names the member of that number twice. */
function writeJson(value: unknown, random: Seeded, twice = -1): string {
  let member = 0
  return write(value)

  function write(each: unknown): string {
    if (typeof each === 'string') return writeText(each, random)
    if (typeof each !== 'object' || each === null) return JSON.stringify(each)
    if (Array.isArray(each)) return `[${each.map(write).join(`,${space()}`)}]`
    return `{${space()}${Object.entries(each).map(writeMember).join(`,${space()}`)}}`
  }

  function writeMember([name, content]: [string, unknown]): string {
    const isTwice = member === twice
    member += 1
    const once = (): string => `${writeText(name, random)}${space()}:${space()}`
    const first = `${once()}${write(content)}`
    return isTwice ? `${once()}${random.pick(['0', '{"x":[]}', '":"'])},${first}` : first
  }

  function space(): string {
    return random.pick(['', '', ' ', '\n\t'])
  }
}

function writeText(text: string, random: Seeded): string {
  const units = Array.from({ length: text.length }, (_, at) => text.charAt(at))
  const written = units.map((unit) => {
    const code = `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`
    // Half of a surrogate pair has no UTF-8 of its own, so those are escaped always.
    if (/[\ud800-\udfff]/.test(unit) || random.below(3) === 0) return code
    return JSON.stringify(unit).slice(1, -1)
  })
  return `"${written.join('')}"`
}

describe('a prototype that an old library has extended', () => {
  it('neither refuses genuine events nor lets a repeated member pass', () => {
    const extended = [Array.prototype, Object.prototype] as unknown as Record<string, unknown>[]
    for (const prototype of extended) prototype['contains'] = { deep: 1 }
    try {
      const parse = (text: string): unknown => readStrictJson(Buffer.from(text))
      expect(parse('{"a":[1,{"b":2}]}')).toMatchObject({ ok: true })
      expect(parse('{"a":[1],"b":1,"b":2}')).toMatchObject({ ok: false, code: 'event-not-json' })
    } finally {
      for (const prototype of extended) delete prototype['contains']
    }
  })
})
