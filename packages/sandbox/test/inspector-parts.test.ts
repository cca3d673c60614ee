import { execFile, spawnSync } from 'node:child_process'
import { Buffer } from 'node:buffer'
import { createServer } from 'node:http'
import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import * as fc from 'fast-check'
import { promisify } from 'node:util'
import { describe, expect, it, onTestFinished } from 'vitest'
import { readAddress, writeAddress } from '../src/inspector/app/address.ts'
import { lanesOf, placeOf, planAhead, SPAN_MS, timeAt } from '../src/inspector/app/bar-scale.ts'
import { unitsOf } from '../src/inspector/app/bytes.ts'
import { curlCommand } from '../src/inspector/app/curl.ts'
import { diffBytes } from '../src/inspector/app/diff.ts'
import { durationIn } from '../src/inspector/app/format.ts'
import { indentJson } from '../src/inspector/app/json-tokens.ts'
import { splitHidden } from '../src/inspector/app/visible-text.ts'

const SECOND = 1000
const MINUTE = 60 * SECOND
const HOUR = 60 * MINUTE

describe('the scale of the bar', () => {
  it('starts at the first attempt and ends after 25 hours', () => {
    expect(placeOf(0)).toBe(0)
    expect(placeOf(SPAN_MS)).toBe(1)
    expect(placeOf(-5)).toBe(0)
    expect(placeOf(40 * HOUR)).toBe(1)
  })

  it('keeps every attempt of the schedule apart from the one before', () => {
    const due = [0, 5 * SECOND, 15 * SECOND, 135 * SECOND, 435 * SECOND, 1035 * SECOND]
    const later = [2835 * SECOND, 6435 * SECOND, 13_635 * SECOND, 35_235 * SECOND, 89_235 * SECOND]
    const places = [...due, ...later].map(placeOf)
    for (const [index, place] of places.slice(1).entries()) {
      expect(place - (places[index] ?? 0)).toBeGreaterThan(0.03)
    }
  })

  it('finds the time of a place, for clicks on the bar', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: SPAN_MS }), (ms) => {
        expect(Math.abs(timeAt(placeOf(ms)) - ms)).toBeLessThanOrEqual(1)
      }),
    )
  })

  it('puts copies of an attempt into lanes of their own', () => {
    expect(lanesOf([0, 0, 0, 0.5])).toEqual([0, 1, 2, 0])
  })

  it('reckons the attempts to come from the next one and the schedule', () => {
    const gaps = [5 * SECOND, 10 * SECOND, 2 * MINUTE]
    expect(planAhead(1000, 2, gaps)).toEqual([
      { n: 2, dueMs: 1000 },
      { n: 3, dueMs: 11_000 },
      { n: 4, dueMs: 131_000 },
    ])
    expect(planAhead(1000, 4, gaps)).toEqual([{ n: 4, dueMs: 1000 }])
  })
})

describe('the address', () => {
  it('keeps the filter and the open row in the fragment of the URL', () => {
    const address = { q: 'status:failed 红包', open: 'evt_1' }
    expect(readAddress(writeAddress(address))).toEqual(address)
    expect(writeAddress(address)).toContain('status:failed')
    expect(writeAddress({ q: '', open: '' })).toBe('')
  })
})

describe('the diff', () => {
  it('names the one byte that a fault has changed', () => {
    const [before, after] = ['{"amount":888}', '{"amount":988}'].map((text) => Buffer.from(text))
    expect(diffBytes(before ?? Buffer.alloc(0), after ?? Buffer.alloc(0))).toEqual([
      { kind: 'same', text: '{"amount":' },
      { kind: 'removed', text: '8' },
      { kind: 'added', text: '9' },
      { kind: 'same', text: '88}' },
    ])
  })

  it('gives both sides back, whatever they are', () => {
    const side = fc.array(fc.constantFrom('a', 'b', '红', '\\', '"'), { maxLength: 60 })
    fc.assert(
      fc.property(side, side, (one, other) => {
        const [before, after] = [one.join(''), other.join('')]
        const pieces = diffBytes(Buffer.from(before), Buffer.from(after))
        const without = (kind: string) =>
          pieces.flatMap((piece) => (piece.kind === kind ? [] : [piece.text])).join('')
        expect(without('added')).toBe(before)
        expect(without('removed')).toBe(after)
      }),
    )
  })

  it('shows a byte that is not UTF-8 by its number', () => {
    const pieces = diffBytes(Buffer.from('红'), Buffer.from([0xe7, 0xba]))
    expect(pieces).toEqual([
      { kind: 'removed', text: '红' },
      { kind: 'added', text: String.raw`\xe7\xba` },
    ])
  })

  it('of bodies that have nothing in common ends in time', () => {
    const [one, other] = [Buffer.alloc(64 * 1024, 'a'), Buffer.alloc(64 * 1024, 'b')]
    expect(diffBytes(one, other)).toHaveLength(2)
  })
})

describe('bytes', () => {
  it('are units of UTF-8, and each invalid byte is one for itself', () => {
    const units = unitsOf(Buffer.from([0x41, 0xe7, 0xba, 0xa2, 0xff, 0xed, 0xa0, 0x80]))
    expect(units.map(({ text }) => text)).toEqual([
      'A',
      '红',
      ...['ff', 'ed', 'a0', '80'].map((hex) => `\\x${hex}`),
    ])
  })
})

const hasCurl = spawnSync('curl', ['--version']).status === 0

describe.skipIf(!hasCurl)('curl', () => {
  const BODIES: readonly (readonly [string, Buffer])[] = [
    ['Chinese text and quotes', Buffer.from(`{"a":"恭喜'发财'","b":"\\n$HOME \`id\` %s \\\\"}`)],
    ['what curl would take for a file', Buffer.from('@/etc/passwd')],
    ['line ends', Buffer.from('{\n\t"a": 1\r\n}\n')],
    ['bytes that are not UTF-8, and NUL', Buffer.from([0, 1, 37, 39, 92, 200, 255, 10])],
  ]

  it.each(BODIES)('sends exactly these bytes: %s', async (_, body) => {
    const received: Buffer[] = []
    const server = createServer((request, response) => {
      request.on('data', (chunk: Buffer) => received.push(chunk))
      request.on('end', () => response.end(request.headers['x-signature']))
    })
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    onTestFinished(() => void server.close())
    const { port } = server.address() as AddressInfo
    const command = curlCommand({
      url: `http://127.0.0.1:${port}/webhooks`,
      headers: { 'x-signature': `it's "quoted" $HOME`, 'content-length': '7' },
      body,
    })
    const { stdout: answer } = await promisify(execFile)('sh', ['-c', command])
    expect(Buffer.concat(received)).toEqual(body)
    expect(answer).toContain(`it's "quoted" $HOME`)
  })

  it('leaves out what curl makes itself', () => {
    const headers = { Host: 'a', 'Content-Length': '1', connection: 'close', 'X-Kept': '1' }
    expect(curlCommand({ url: 'http://a/', headers, body: Buffer.from('{}') })).toBe(
      `curl -i 'http://a/' \\\n  -H 'X-Kept: 1' \\\n  --data-raw '{}'`,
    )
  })
})

describe('text from elsewhere', () => {
  it('shows characters that reorder or hide by their number', () => {
    expect(splitHidden('a\u202Eb\u0000\u200B')).toEqual([
      { text: 'a', isHidden: false },
      { text: 'U+202E', isHidden: true },
      { text: 'b', isHidden: false },
      { text: 'U+0000', isHidden: true },
      { text: 'U+200B', isHidden: true },
    ])
    expect(splitHidden('恭喜\n\t👨‍👩‍👧')).toEqual([{ text: '恭喜\n\t👨‍👩‍👧', isHidden: false }])
  })
})

describe('JSON', () => {
  it('is indented without being parsed: numbers, escapes and repeated members stay', () => {
    const text = String.raw`{"a":12345678901234567890,"a":1.0,"b":["\u7ea2",{}],"c":[]}`
    const indented = indentJson(text)
      ?.map((token) => token.text)
      .join('')
    expect(indented).toBe(
      String.raw`{
  "a": 12345678901234567890,
  "a": 1.0,
  "b": [
    "\u7ea2",
    {}
  ],
  "c": []
}`,
    )
  })

  it('that is none is left as it is', () => {
    expect(indentJson('<html>')).toBeUndefined()
  })

  it('of any value keeps its meaning', () => {
    fc.assert(
      fc.property(fc.json(), (text) => {
        const indented =
          indentJson(text)
            ?.map((token) => token.text)
            .join('') ?? ''
        expect(JSON.parse(indented)).toEqual(JSON.parse(text))
      }),
    )
  })
})

describe('a duration', () => {
  it.each([
    [0, '0 ms'],
    [350, '350 ms'],
    [5 * SECOND, '5 s'],
    [135 * SECOND, '2 min 15 s'],
    [59 * MINUTE, '59 min'],
    [107 * MINUTE, '1 h 47 min'],
    [24 * HOUR + 47 * MINUTE, '24 h 47 min'],
    [25 * HOUR, '25 h'],
  ])('of %i ms is %s', (ms, text) => {
    expect(durationIn(['h', 'min', 's', 'ms'], ms)).toBe(text)
  })
})
