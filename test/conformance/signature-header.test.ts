import { describe, expect, it } from 'vitest'
import { hosts } from './hosts.ts'
import { head, openConnection, type RawHeaders } from './raw-http.ts'
import { expectAnswer, expectStillNew, notification, open } from './reception.ts'

const NAME = 'X-Pingplusplus-Signature'
const genuine = notification()
const signature = genuine.headers['x-pingplusplus-signature'] ?? ''
const other = notification().headers['x-pingplusplus-signature'] ?? ''

const refused: readonly (readonly [
  string,
  'signature-missing' | 'signature-malformed',
  RawHeaders,
])[] = [
  ['is missing [B1, S1]', 'signature-missing', {}],
  ['is empty [B2, S1]', 'signature-missing', { [NAME]: '' }],
  ['is spaces [S1]', 'signature-missing', { [NAME]: '   ' }],
  [
    'comes twice [B3, S1]',
    'signature-malformed',
    [
      [NAME, signature],
      [NAME, signature],
    ],
  ],
  [
    'comes twice, the wrong one first [B4]',
    'signature-malformed',
    [
      [NAME, other],
      [NAME, signature],
    ],
  ],
  [
    'comes twice, the right one first [B4]',
    'signature-malformed',
    [
      [NAME, signature],
      [NAME, other],
    ],
  ],
  [
    'comes twice, an empty one first [B4]',
    'signature-malformed',
    [
      [NAME, ''],
      [NAME, signature],
    ],
  ],
  ['is a list [B3, S1]', 'signature-malformed', { [NAME]: `${signature}, ${signature}` }],
  ['has a space inside [B8]', 'signature-malformed', { [NAME]: inside(' ') }],
  ['has a tab inside [B8]', 'signature-malformed', { [NAME]: inside('\t') }],
  ['is url-safe base64 [B6, S2]', 'signature-malformed', { [NAME]: urlSafe(signature) }],
  ['lacks its padding [B7, S2]', 'signature-malformed', { [NAME]: signature.replaceAll('=', '') }],
  ['is followed by junk [B8, S2]', 'signature-malformed', { [NAME]: `${signature}A===` }],
  [
    'is hexadecimal [B11]',
    'signature-malformed',
    { [NAME]: Buffer.from(signature, 'base64').toString('hex') },
  ],
  ['is cut short [S2]', 'signature-malformed', { [NAME]: signature.slice(0, -4) }],
  ['is 10 kB long [B12, S1]', 'signature-malformed', { [NAME]: 'A'.repeat(10_000) }],
  ['is not ASCII [S1]', 'signature-malformed', { [NAME]: `é${signature.slice(1)}` }],
  [
    'is Chinese in UTF-8 [S1]',
    'signature-malformed',
    { [NAME]: Buffer.from('签名').toString('latin1') },
  ],
  ['is spelt with underscores [B22]', 'signature-missing', { X_Pingplusplus_Signature: signature }],
  ['has another name [B1]', 'signature-missing', { 'X-Signature': signature }],
]

describe.each(hosts)('signature header in $name', (host) => {
  it.each(refused)('answers 401 before the body when it %s', async (_name, code, headers) => {
    const reception = await open(host)
    const connection = await openConnection(reception.port)
    // The body is held back: an answer that waits for it would never come.
    await connection.write(head({ headers }, { 'Content-Length': String(genuine.bytes.length) }))
    expectAnswer(await connection.answer(), 401, code)
    connection.reset()
    await expectStillNew(reception, genuine)
  })

  it.each(refused)('answers 401 with a whole body when it %s', async (_name, code, headers) => {
    const reception = await open(host)
    const response = await reception.send({ headers, body: genuine.bytes })
    expectAnswer(response, 401, code)
    await expectStillNew(reception, genuine)
  })

  it('answers 401 when it is of another notification [B19]', async () => {
    const reception = await open(host)
    const response = await reception.send({ headers: { [NAME]: other }, body: genuine.bytes })
    expectAnswer(response, 401, 'signature-mismatch')
    await expectStillNew(reception, genuine)
  })

  it('answers 401 when it is in the query only [B21]', async () => {
    const reception = await open(host)
    const target = `/webhooks?${NAME}=${encodeURIComponent(signature)}`
    expectAnswer(await reception.send({ target, body: genuine.bytes }), 401, 'signature-missing')
    await expectStillNew(reception, genuine)
  })

  it('answers 401 when it is in the body only [B21]', async () => {
    const reception = await open(host)
    const body = Buffer.from(genuine.text.replace('{', `{"${NAME}":"${signature}",`))
    expectAnswer(await reception.send({ body }), 401, 'signature-missing')
    await expectStillNew(reception, genuine)
  })

  it('answers 401 when it comes in a trailer only [D14]', async () => {
    const reception = await open(host)
    const connection = await openConnection(reception.port)
    const size = genuine.bytes.length.toString(16)
    await connection.write(
      head({}, { 'Transfer-Encoding': 'chunked', Trailer: NAME }),
      `${size}\r\n`,
      genuine.bytes,
      `\r\n0\r\n${NAME}: ${signature}\r\n\r\n`,
    )
    expectAnswer(await connection.answer(), 401, 'signature-missing')
    connection.reset()
    await expectStillNew(reception, genuine)
  })

  it.each(['x-pingplusplus-signature', 'X-PINGPLUSPLUS-SIGNATURE', 'x-PingPlusPlus-Signature'])(
    'answers 200 when its name is written %s [B22]',
    async (name) => {
      const reception = await open(host)
      const response = await reception.send({ headers: { [name]: signature }, body: genuine.bytes })
      expectAnswer(response, 200, 'handled')
      expect(reception.handled).toHaveLength(1)
    },
  )

  it('answers 200 when spaces surround it [B8]', async () => {
    const reception = await open(host)
    const headers = { [NAME]: `  ${signature} \t ` }
    expectAnswer(await reception.send({ headers, body: genuine.bytes }), 200, 'handled')
    expect(reception.handled).toHaveLength(1)
  })

  it('answers 200 with any query [D17]', async () => {
    const reception = await open(host)
    const { headers, bytes } = genuine
    const target = '/webhooks?from=ping%2B%2B&signature=no'
    expectAnswer(await reception.send({ target, headers, body: bytes }), 200, 'handled')
    expect(reception.handled).toHaveLength(1)
  })

  it.each([
    ['NUL inside [S1]', inside('\0'), 400],
    ['a bare line feed inside [B8]', inside('\n'), 400],
    ['a folded line [B13]', inside('\r\n '), 400],
    ['20 kB [B12]', 'A'.repeat(20_000), 431],
  ])('leaves %s to Node, which refuses it', async (_name, value, status) => {
    const reception = await open(host)
    const response = await reception.send({ headers: { [NAME]: value }, body: genuine.bytes })
    expect(response.status).toBe(status)
    expect(reception.reports).toEqual([])
    await expectStillNew(reception, genuine)
  })
})

function inside(separator: string): string {
  return `${signature.slice(0, 100)}${separator}${signature.slice(100)}`
}

/** The same bytes in the url-safe alphabet; if the signature has no such letter, one is put in. */
function urlSafe(base64: string): string {
  const text = base64.replaceAll('+', '-').replaceAll('/', '_')
  return text === base64 ? `-${text.slice(1)}` : text
}
