import { eventFixture, signDelivery } from '@hongbao/core/testing'
import { describe, expect, it } from 'vitest'
import { hosts } from './hosts.ts'
import { chunk, head, LAST_CHUNK, openConnection, type RawHeaders } from './raw-http.ts'
import { expectAnswer, expectStillNew, keys, notification, open, signed } from './reception.ts'

const event = eventFixture('red_envelope.sent')
const compact = JSON.stringify(event)
const pretty = JSON.stringify(event, null, 2)

/** Ways to write one event: the signature covers the bytes, not what another writer would make of them. */
const writings: readonly (readonly [string, string])[] = [
  ['compact', compact],
  ['pretty-printed', pretty],
  ['pretty-printed with CRLF [S3]', pretty.replaceAll('\n', '\r\n')],
  ['with a newline at the end [A4]', `${compact}\n`],
  ['with spaces around it [A4]', `  \t${compact}  \r\n`],
  ['with a byte order mark [A6]', `\ufeff${compact}`],
  ['with \\u escapes for Chinese and 🧧', escapeNonAscii(compact)],
  ['with \\/ for /', compact.replaceAll('恭喜', '恭\\/喜')],
  ['with 1.0 for 1', compact.replace('"amount":100', '"amount":100.0')],
  ['with 1e2 for 100', compact.replace('"amount":100', '"amount":1e2')],
  ['with its members in reverse order [S3]', JSON.stringify(reverse(event))],
  ['with members nobody knows [A36]', JSON.stringify({ ...event, future: { 新: ['🧧'] } })],
  [
    'with a member called __proto__ [A24, S7]',
    compact.replace('{', '{"__proto__":{"polluted":1},'),
  ],
  ['with a lone surrogate [A30]', compact.replace('恭喜', '\\ud800')],
  ['with \\u0000 in a string [A31]', compact.replace('恭喜', '\\u0000')],
]

const contentTypes: readonly (readonly [string, RawHeaders])[] = [
  ['application/json', { 'Content-Type': 'application/json' }],
  ['application/json; charset=utf-8', { 'Content-Type': 'application/json; charset=utf-8' }],
  ['application/json; charset=gbk [A10]', { 'Content-Type': 'application/json; charset=gbk' }],
  ['text/plain [A37]', { 'Content-Type': 'text/plain' }],
  ['no content type [A37]', {}],
  ['an empty content type [A37]', { 'Content-Type': '' }],
  ['a form [A37]', { 'Content-Type': 'application/x-www-form-urlencoded' }],
  ['multipart [A37]', { 'Content-Type': 'multipart/form-data; boundary=x' }],
  ['application/json;;;', { 'Content-Type': 'application/json;;;' }],
  ['a tab in the content type', { 'Content-Type': 'application/json\ta' }],
  ['a word', { 'Content-Type': 'json' }],
  [
    'two content types',
    [
      ['Content-Type', 'application/json'],
      ['Content-Type', 'text/html'],
    ],
  ],
]

describe.each(hosts)('raw bytes in $name', (host) => {
  it.each(writings)('answers 200 to an event %s', async (_name, text) => {
    const reception = await open(host)
    expectAnswer(await reception.deliver(signed(text)), 200, 'handled')
    expect(reception.handled).toMatchObject([{ id: event.id, data: { object: { amount: 100 } } }])
    expect(Object.hasOwn(Object.prototype, 'polluted')).toBe(false)
  })

  it.each([
    ['pretty-printed after signing [B18]', Buffer.from(pretty)],
    ['with a newline added after signing [A5]', Buffer.from(`${compact}\n`)],
    ['with a byte order mark added after signing [S3]', Buffer.from(`\ufeff${compact}`)],
    ['with \\u escapes put in after signing [B18]', Buffer.from(escapeNonAscii(compact))],
    ['with invalid UTF-8 where signed bytes decode alike [A8]', breakFirstCharacter(compact)],
  ])('answers 401 to an event %s', async (_name, body) => {
    const reception = await open(host)
    const genuine = signed(compact)
    const { headers } = genuine
    expectAnswer(await reception.send({ headers, body }), 401, 'signature-mismatch')
    await expectStillNew(reception, genuine)
  })

  it('applies Chinese text and 🧧 if packets split inside a character', async () => {
    const reception = await open(host)
    const { headers, bytes } = signDelivery(event, keys)
    const inside = Buffer.from(bytes).indexOf('🧧') + 2
    const connection = await openConnection(reception.port)
    const framing = { 'Content-Length': String(bytes.length) }
    await connection.write(
      head({ headers }, framing),
      bytes.subarray(0, inside),
      bytes.subarray(inside),
    )
    expectAnswer(await connection.answer(), 200, 'handled')
    expect(reception.handled).toEqual([event])
    connection.reset()
  })

  it('applies Chinese text and 🧧 if chunks split inside a character', async () => {
    const reception = await open(host)
    const { headers, bytes } = signDelivery(event, keys)
    const inside = Buffer.from(bytes).indexOf('🧧') + 2
    const connection = await openConnection(reception.port)
    await connection.write(
      head({ headers }, { 'Transfer-Encoding': 'chunked' }),
      chunk(bytes.subarray(0, inside)),
      chunk(bytes.subarray(inside)),
      LAST_CHUNK,
    )
    expectAnswer(await connection.answer(), 200, 'handled')
    expect(reception.handled).toEqual([event])
    connection.reset()
  })

  it('applies an event that comes one byte per chunk [A15]', async () => {
    const reception = await open(host)
    const { headers, bytes } = signDelivery(event, keys)
    const connection = await openConnection(reception.port)
    const drips = Array.from(bytes, (byte) => chunk(Uint8Array.of(byte)))
    await connection.write(head({ headers }, { 'Transfer-Encoding': 'chunked' }), ...drips)
    await connection.write(LAST_CHUNK)
    expectAnswer(await connection.answer(), 200, 'handled')
    expect(reception.handled).toEqual([event])
    connection.reset()
  })

  it.each(contentTypes)('lets the signature decide on a body with %s', async (_name, type) => {
    const reception = await open(host)
    const genuine = notification()
    const { bytes } = genuine
    const { 'x-pingplusplus-signature': signature = '' } = genuine.headers
    const types = Array.isArray(type) ? type : Object.entries(type)
    const headers = [...types, ['X-Pingplusplus-Signature', signature]] as const
    const unsigned = await reception.send({ headers: types, body: bytes })
    expectAnswer(unsigned, 401, 'signature-missing')
    expectAnswer(await reception.send({ headers, body: bytes }), 200, 'handled')
    expect(reception.handled).toHaveLength(1)
  })
})

function escapeNonAscii(text: string): string {
  return text.replaceAll(
    /[\u0080-\uffff]/g,
    (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`,
  )
}

function reverse(value: unknown): unknown {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return value
  const members = Object.entries(value).toReversed()
  return Object.fromEntries(members.map(([name, member]) => [name, reverse(member)]))
}

/** Other bytes of the same length: a lenient decoder makes U+FFFD of either. */
function breakFirstCharacter(text: string): Buffer {
  const bytes = Buffer.from(text)
  bytes[bytes.indexOf('恭')] = 0xff
  return bytes
}
