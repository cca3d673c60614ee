import type { Receiver } from '@hongbao/core'
import { describe, expect, it } from 'vitest'
import { createGate, type Gate } from './gate.ts'
import { hosts } from './hosts.ts'
import { chunk, head, LAST_CHUNK, openConnection } from './raw-http.ts'
import { expectAnswer, expectStillNew, notification, open } from './reception.ts'

describe.each(hosts)('connections in $name', (host) => {
  it('applies 200 events that come one after another on one connection [D11]', async () => {
    const reception = await open(host)
    const connection = await openConnection(reception.port)
    for (let sent = 0; sent < 200; sent += 1) {
      await connection.write(wholeRequest(notification()))
      expectAnswer(await connection.answer(), 200, 'handled')
    }
    expect(new Set(reception.handled.map(({ id }) => id)).size).toBe(200)
    connection.reset()
  })

  it('keeps the connection after every refusal that leaves nothing unread [D11]', async () => {
    const reception = await open(host)
    const connection = await openConnection(reception.port)
    const genuine = notification()
    for (const headers of [{}, notification().headers, { 'Content-Encoding': 'gzip' }]) {
      await connection.write(wholeRequest({ headers, bytes: genuine.bytes }))
      expect((await connection.answer()).status).toBeGreaterThan(400)
    }
    await connection.write(wholeRequest(genuine))
    expectAnswer(await connection.answer(), 200, 'handled')
    connection.reset()
  })

  it('answers three pipelined deliveries of one event with 200, and runs the handler once [D12]', async () => {
    const reception = await open(host)
    const connection = await openConnection(reception.port)
    const request = wholeRequest(notification())
    await connection.write(Buffer.concat([request, request, request]))
    expectAnswer(await connection.answer(), 200, 'handled')
    for (const answer of [await connection.answer(), await connection.answer()]) {
      expect(answer).toMatchObject({ status: 200 })
      expect(['{"outcome":"handled"}', '{"outcome":"duplicate"}']).toContain(answer.body)
    }
    expect(reception.handled).toHaveLength(1)
    connection.reset()
  })

  it('runs a handler once for 50 deliveries of one event, which share the outcome [E1, S12]', async () => {
    const allArrived = createGate()
    const reception = await open(
      { start: (webhooks) => host.start(openingAfter(50, allArrived, webhooks)) },
      { handle: () => allArrived.opened },
    )
    const genuine = notification()
    const answers = await Promise.all(Array.from({ length: 50 }, () => reception.deliver(genuine)))
    for (const answer of answers) expectAnswer(answer, 200, 'handled')
    expect(reception.handled).toHaveLength(1)
    expect(reception.reports.filter(({ shared }) => shared)).toHaveLength(49)
    expectAnswer(await reception.deliver(genuine), 200, 'duplicate')
  })

  it('runs a handler once for 50 deliveries of one event, which share its failure, and again for the next [E4]', async () => {
    const allArrived = createGate()
    const failing = createGate()
    const reception = await open(
      { start: (webhooks) => host.start(openingAfter(50, allArrived, webhooks)) },
      {
        async handle() {
          await allArrived.opened
          if (reception.handled.length === 1) throw new Error('first')
          failing.open()
        },
      },
    )
    const genuine = notification()
    const answers = await Promise.all(Array.from({ length: 50 }, () => reception.deliver(genuine)))
    for (const answer of answers) expectAnswer(answer, 500, 'handler-failed')
    expectAnswer(await reception.deliver(genuine), 200, 'handled')
    await failing.opened
    expect(reception.handled).toHaveLength(2)
  })

  it('requests the body of a request that expects 100-continue, and applies it [D13]', async () => {
    const reception = await open(host)
    const { headers, bytes } = notification()
    const connection = await openConnection(reception.port)
    const framing = { 'Content-Length': String(bytes.length), Expect: '100-continue' }
    await connection.write(head({ headers }, framing))
    expect(await connection.interim()).toMatchObject({ status: 100 })
    await connection.write(bytes)
    expectAnswer(await connection.answer(), 200, 'handled')
    expect(reception.handled).toHaveLength(1)
    connection.reset()
  })

  it('leaves an unknown expectation to Node, which answers 417 [D13]', async () => {
    const reception = await open(host)
    const genuine = notification()
    const headers = { ...genuine.headers, Expect: 'a miracle' }
    const response = await reception.send({ headers, body: genuine.bytes })
    expect(response.status).toBe(417)
    await expectStillNew(reception, genuine)
  })

  it('applies an event that comes by HTTP/1.0 [D5]', async () => {
    const reception = await open(host)
    const { headers, bytes } = notification()
    const named = { Host: 'localhost', ...headers }
    const response = await reception.send({ version: 'HTTP/1.0', headers: named, body: bytes })
    expectAnswer(response, 200, 'handled')
    expect(reception.handled).toHaveLength(1)
  })

  it(`answers ${host.withoutHost} to HTTP/1.0 without a Host [D5]`, async () => {
    const reception = await open(host)
    const genuine = notification()
    const { headers, bytes } = genuine
    const response = await reception.send({ version: 'HTTP/1.0', headers, body: bytes })
    expect(response.status).toBe(host.withoutHost)
    expect(reception.handled).toHaveLength(host.withoutHost === 200 ? 1 : 0)
    const again = await reception.deliver(genuine)
    expectAnswer(again, 200, host.withoutHost === 200 ? 'duplicate' : 'handled')
  })

  it('leaves HTTP/1.1 without a Host, lower-case methods and the HTTP/2 preface to Node [D4]', async () => {
    const reception = await open(host)
    const genuine = notification()
    for (const text of [
      'POST /webhooks HTTP/1.1\r\nContent-Length: 2\r\n\r\n{}',
      head({ ...genuine, method: 'post' }, { 'Content-Length': '0' }),
      'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n',
    ]) {
      const connection = await openConnection(reception.port)
      await connection.write(text)
      expect(await connection.answer()).toMatchObject({ status: 400 })
      connection.reset()
    }
    expect(reception.reports).toEqual([])
    await expectStillNew(reception, genuine)
  })

  it('ignores the trailers of a chunked body [D14]', async () => {
    const reception = await open(host)
    const { headers, bytes } = notification()
    const connection = await openConnection(reception.port)
    await connection.write(
      head({ headers }, { 'Transfer-Encoding': 'chunked' }),
      chunk(bytes),
      Buffer.concat([LAST_CHUNK.subarray(0, -2), Buffer.from('X-Later: yes\r\n\r\n')]),
    )
    expectAnswer(await connection.answer(), 200, 'handled')
    connection.reset()
  })
})

/** Opens a gate as soon as so many bodies have come in and their deliveries wait for the handler. */
function openingAfter(count: number, gate: Gate, receiver: Receiver): Receiver {
  let arrived = 0
  return {
    ...receiver,
    handle: (delivery) =>
      receiver.handle({
        ...delivery,
        async body(limits) {
          const bytes = await delivery.body(limits)
          arrived += 1
          // From a body to its handler there are promises only, and those come before a timer.
          if (arrived === count) setImmediate(() => gate.open())
          return bytes
        },
      }),
  }
}

function wholeRequest({
  headers,
  bytes,
}: {
  readonly headers: Readonly<Record<string, string>>
  readonly bytes: Uint8Array
}): Buffer {
  const framing = { 'Content-Length': String(bytes.byteLength) }
  return Buffer.concat([Buffer.from(head({ headers }, framing)), bytes])
}
