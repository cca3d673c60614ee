import { eventFixture, signDelivery, type SignedDelivery } from '@hongbao/core/testing'
import { setImmediate } from 'node:timers/promises'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { describe, expect, it } from 'vitest'
import { bodyReaders, hosts } from './hosts.ts'
import { chunk, head, LAST_CHUNK, openConnection } from './raw-http.ts'
import { expectAnswer, expectStillNew, keys, notification, open } from './reception.ts'

const MEBIBYTE = 1024 * 1024
const LIMIT = 4096

setFlagsFromString('--expose-gc')
const collectGarbage = runInNewContext('gc') as () => void

describe.each(hosts)('limits in $name', (host) => {
  it('answers 200 to a body of exactly the limit [A14]', async () => {
    const reception = await open(host, { maxBodyBytes: LIMIT })
    expectAnswer(await reception.deliver(ofBytes(LIMIT)), 200, 'handled')
    expect(reception.handled).toHaveLength(1)
  })

  it('answers 200 to a chunked body of exactly the limit [A14]', async () => {
    const reception = await open(host, { maxBodyBytes: LIMIT })
    const { headers, bytes } = ofBytes(LIMIT)
    const connection = await openConnection(reception.port)
    await connection.write(
      head({ headers }, { 'Transfer-Encoding': 'chunked' }),
      chunk(bytes.subarray(0, 1000)),
      chunk(bytes.subarray(1000)),
      LAST_CHUNK,
    )
    expectAnswer(await connection.answer(), 200, 'handled')
    connection.reset()
  })

  it('answers 200 above the framework’s own limit, up to that of hongbao [A14]', async () => {
    const reception = await open(host, { maxBodyBytes: 3 * MEBIBYTE })
    expectAnswer(await reception.deliver(ofBytes(3 * MEBIBYTE)), 200, 'handled')
    expect(reception.handled).toHaveLength(1)
  })

  it('answers 413 before reading when Content-Length is one byte over [A11, S10]', async () => {
    const reception = await open(host, { maxBodyBytes: LIMIT })
    const { headers } = ofBytes(LIMIT + 1)
    const connection = await openConnection(reception.port)
    await connection.write(head({ headers }, { 'Content-Length': String(LIMIT + 1) }))
    expectAnswer(await connection.answer(), 413, 'body-too-large')
    connection.reset()
    await expectStillNew(reception, notification())
  })

  it('answers 413 to a whole body that is one byte over [A11]', async () => {
    const reception = await open(host, { maxBodyBytes: LIMIT })
    expectAnswer(await reception.deliver(ofBytes(LIMIT + 1)), 413, 'body-too-large')
    await expectStillNew(reception, notification())
  })

  it('answers 413 to a chunked body that is one byte over [A12, S10]', async () => {
    const reception = await open(host, { maxBodyBytes: LIMIT })
    const { headers, bytes } = ofBytes(LIMIT + 1)
    const connection = await openConnection(reception.port)
    await connection.write(
      head({ headers }, { 'Transfer-Encoding': 'chunked' }),
      chunk(bytes.subarray(0, LIMIT)),
      chunk(bytes.subarray(LIMIT)),
      LAST_CHUNK,
    )
    expectAnswer(await connection.answer(), 413, 'body-too-large')
    connection.reset()
    await expectStillNew(reception, notification())
  })

  it('answers 413 at once when 1 GiB is claimed and 10 bytes are sent [A13, S10]', async () => {
    const reception = await open(host)
    const { headers } = notification()
    const connection = await openConnection(reception.port)
    await connection.write(head({ headers }, { 'Content-Length': String(2 ** 30) }), '{"id":"evt')
    expectAnswer(await connection.answer(), 413, 'body-too-large')
    connection.reset()
    await expectStillNew(reception, notification())
  })

  it('closes the connection after 413 in the middle of a chunked body [A12, D22]', async () => {
    const reception = await open(host, { maxBodyBytes: LIMIT })
    const { headers, bytes } = ofBytes(3 * LIMIT)
    const connection = await openConnection(reception.port)
    await connection.write(
      head({ headers }, { 'Transfer-Encoding': 'chunked' }),
      chunk(bytes.subarray(0, 2 * LIMIT)),
    )
    const answer = await connection.answer()
    expectAnswer(answer, 413, 'body-too-large')
    expect(answer.headers).toMatchObject({ connection: 'close' })
    await connection.closed
    await expectStillNew(reception, notification())
  })

  it('answers a genuine delivery while 100 bodies trickle in [D10]', async () => {
    const reception = await open(host, { bodyTimeoutMs: 300 })
    const { headers } = notification()
    const slow = await Promise.all(
      Array.from({ length: 100 }, () => openConnection(reception.port)),
    )
    await Promise.all(
      slow.map((connection) => connection.write(head({ headers }, { 'Content-Length': '9' }), '{')),
    )
    expectAnswer(await reception.deliver(notification()), 200, 'handled')
    const answers = await Promise.all(slow.map((connection) => connection.answer()))
    for (const answer of answers) expectAnswer(answer, 408, 'body-too-slow')
    await Promise.all(slow.map((connection) => connection.closed))
    expect(reception.handled).toHaveLength(1)
  })
})

describe.each(bodyReaders)('limits in $name', (host) => {
  it.each([
    ['in chunks [A12, S10]', { 'Transfer-Encoding': 'chunked' }, chunk],
    ['with their length [A11, S10]', { 'Content-Length': String(50 * MEBIBYTE) }, whole],
  ] as const)('keeps memory flat while 50 MB come %s', async (_name, framing, frame) => {
    const reception = await open(host, { maxBodyBytes: LIMIT })
    const connection = await openConnection(reception.port)
    const before = await heldBytes()
    await connection.write(head(notification(), framing))
    const part = frame(Buffer.alloc(MEBIBYTE / 4, '7'))
    for (let sent = 1; sent <= 200; sent += 1) await connection.write(part)
    // The body has no end yet: what a host collects it still holds.
    expect((await heldBytes()) - before).toBeLessThan(8 * MEBIBYTE)
    expectAnswer(await connection.answer(), 413, 'body-too-large')
    connection.reset()
    await expectStillNew(reception, notification())
  })
})

/** A signed notification of exactly this size. */
function ofBytes(byteLength: number): SignedDelivery {
  const text = JSON.stringify(eventFixture('red_envelope.sent'))
  return signDelivery(text + ' '.repeat(byteLength - Buffer.byteLength(text)), keys)
}

function whole(bytes: Buffer): Buffer {
  return bytes
}

/** The memory of the process after a garbage collection. */
async function heldBytes(): Promise<number> {
  collectGarbage()
  // Buffers are swept beside the program; the second round finds that done.
  await setImmediate()
  collectGarbage()
  const { heapUsed, external } = process.memoryUsage()
  return heapUsed + external
}
