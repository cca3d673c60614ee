import type { Receiver } from '@hongbao/core'
import { describe, expect, it } from 'vitest'
import { createGate, type Gate } from './gate.ts'
import { hosts } from './hosts.ts'
import { chunk, head, LAST_CHUNK, openConnection, type RawConnection } from './raw-http.ts'
import {
  expectAnswer,
  expectStillNew,
  nameOf,
  notification,
  open,
  type AnswerName,
} from './reception.ts'

/** How a client leaves. */
const departures: readonly (readonly [string, (connection: RawConnection) => void])[] = [
  ['FIN [D6, A21]', (connection) => connection.finish()],
  ['RST [D8]', (connection) => connection.reset()],
]

/** Bodies whose client has left when the host comes to read them, and how they may end: some servers keep what was whole. */
const early: readonly (readonly [
  string,
  (bytes: Buffer) => Readonly<Record<string, string>>,
  (bytes: Buffer) => readonly Buffer[],
  readonly AnswerName[],
])[] = [
  ['a whole body with its length', ofLength, (bytes) => [bytes], ['body-aborted', 'handled']],
  ['half a body with its length', ofLength, (bytes) => [bytes.subarray(0, 200)], ['body-aborted']],
  [
    'a whole body in chunks',
    () => CHUNKED,
    (bytes) => [chunk(bytes), LAST_CHUNK],
    ['body-aborted', 'handled'],
  ],
  [
    'half a body in chunks',
    () => CHUNKED,
    (bytes) => [chunk(bytes.subarray(0, 200))],
    ['body-aborted'],
  ],
]

/** Lets what an app does before the webhook take until the gate is open. */
function postsAfter({ opened }: Gate, receiver: Receiver): Receiver {
  return {
    ...receiver,
    async handle(delivery) {
      if (delivery.method === 'POST') await opened
      return receiver.handle(delivery)
    },
  }
}

function ofLength({ length }: Buffer): Readonly<Record<string, string>> {
  return { 'Content-Length': String(length) }
}

describe.each(hosts)('aborts in $name', (host) => {
  describe.each(departures)('by %s', (_name, leave) => {
    it('records nothing if the client disconnects in the middle of the body', async () => {
      const reception = await open(host)
      const genuine = notification()
      const { headers, bytes } = genuine
      const connection = await startRequest(reception.port, headers, {
        'Content-Length': String(bytes.length),
      })
      await connection.write(bytes.subarray(0, 200))
      leave(connection)
      const report = await reception.report(({ kind }) => kind === 'delivery')
      expect(report).toMatchObject({ outcome: 'rejected', code: 'body-aborted' })
      await connection.closed
      await expectStillNew(reception, genuine)
    })

    it('records nothing if the client disconnects between two chunks [D15]', async () => {
      const reception = await open(host)
      const genuine = notification()
      const { headers, bytes } = genuine
      const connection = await startRequest(reception.port, headers, CHUNKED)
      await connection.write(chunk(bytes.subarray(0, 200)))
      leave(connection)
      const report = await reception.report(({ kind }) => kind === 'delivery')
      expect(report).toMatchObject({ outcome: 'rejected', code: 'body-aborted' })
      await connection.closed
      await expectStillNew(reception, genuine)
    })

    it('records nothing when all chunks came but the last, empty one [D15]', async () => {
      const reception = await open(host)
      const genuine = notification()
      const { headers, bytes } = genuine
      const connection = await startRequest(reception.port, headers, CHUNKED)
      await connection.write(chunk(bytes))
      leave(connection)
      const report = await reception.report(({ kind }) => kind === 'delivery')
      expect(report).toMatchObject({ outcome: 'rejected', code: 'body-aborted' })
      await connection.closed
      await expectStillNew(reception, genuine)
    })

    it('applies the event if the client disconnects before the answer, and answers the next as a duplicate [D7, D19]', async () => {
      const started = createGate()
      const gate = createGate()
      const reception = await open(host, {
        handle() {
          started.open()
          return gate.opened
        },
      })
      const genuine = notification()
      const { headers, bytes } = genuine
      const connection = await openConnection(reception.port)
      const framing = { 'Content-Length': String(bytes.length) }
      await connection.write(head({ headers }, framing), bytes)
      await started.opened
      leave(connection)
      await connection.closed
      gate.open()
      const report = await reception.report(({ kind }) => kind === 'delivery')
      expect(report).toMatchObject({ outcome: 'handled', status: 200 })
      expectAnswer(await reception.deliver(genuine), 200, 'duplicate')
      expect(reception.handled).toHaveLength(1)
    })
  })

  it.each(early)(
    'never reports %s as read by a parser if the client left before it was read [D23]',
    async (_name, framing, parts, outcomes) => {
      const departure = createGate()
      const reception = await open({
        start: (webhooks) => host.start(postsAfter(departure, webhooks)),
      })
      const genuine = notification()
      const connection = await startRequest(
        reception.port,
        genuine.headers,
        framing(Buffer.from(genuine.bytes)),
      )
      await connection.write(...parts(Buffer.from(genuine.bytes)))
      connection.reset()
      await connection.closed
      // The server has seen the reset when it answers a later client.
      await reception.send({ method: 'GET' })
      departure.open()
      const report = await reception.report((each) => nameOf(each) !== 'method-not-allowed')
      expect(outcomes).toContain(nameOf(report))
      expectAnswer(
        await reception.deliver(genuine),
        200,
        nameOf(report) === 'handled' ? 'duplicate' : 'handled',
      )
    },
  )

  it('leaves a chunk with a bad size to Node, which answers 400 [D15]', async () => {
    const reception = await open(host)
    const genuine = notification()
    const connection = await openConnection(reception.port)
    await connection.write(head(genuine, { 'Transfer-Encoding': 'chunked' }), 'no size\r\n')
    expect(await connection.answer()).toMatchObject({ status: 400 })
    await connection.closed
    await expectStillNew(reception, genuine)
  })

  it.each([
    ['a negative length', [['Content-Length', '-1']]],
    ['a length that is no number', [['Content-Length', 'abc']]],
    [
      'two lengths',
      [
        ['Content-Length', '10'],
        ['Content-Length', '11'],
      ],
    ],
    [
      'a length and chunks',
      [
        ['Content-Length', '10'],
        ['Transfer-Encoding', 'chunked'],
      ],
    ],
  ] as const)('leaves %s to Node, which answers 400 [A22]', async (_name, framing) => {
    const reception = await open(host)
    const genuine = notification()
    const connection = await openConnection(reception.port)
    await connection.write(head(genuine, framing), genuine.bytes)
    expect(await connection.answer()).toMatchObject({ status: 400 })
    await connection.closed
    await expectStillNew(reception, genuine)
  })

  it('answers a retry as a duplicate if Content-Length was shorter than the body and the answer got lost [A20]', async () => {
    const reception = await open(host)
    const genuine = notification()
    const { headers, bytes } = genuine
    const connection = await openConnection(reception.port)
    const framing = { 'Content-Length': String(bytes.length) }
    await connection.write(
      Buffer.concat([Buffer.from(head({ headers }, framing)), bytes, Buffer.from('}}')]),
    )
    await connection.closed
    await reception.report(({ outcome }) => outcome === 'handled')
    expectAnswer(await reception.deliver(genuine), 200, 'duplicate')
    expect(reception.handled).toHaveLength(1)
  })

  it('survives a client that sends nothing and one that speaks TLS [D4]', async () => {
    const reception = await open(host)
    const silent = await openConnection(reception.port)
    silent.reset()
    const encrypted = await openConnection(reception.port)
    await encrypted.write(Buffer.from('16030100c8010000c40303', 'hex'))
    expect(await encrypted.answer()).toMatchObject({ status: 400 })
    await encrypted.closed
    await expectStillNew(reception, notification())
  })

  it('answers the whole body that came before a truncated one [D12, D15]', async () => {
    const reception = await open(host)
    const first = notification()
    const second = notification()
    const connection = await startRequest(reception.port, first.headers, CHUNKED)
    await connection.write(chunk(first.bytes), LAST_CHUNK)
    expectAnswer(await connection.answer(), 200, 'handled')
    await connection.write(head(second, { ...CHUNKED, ...EXPECT }))
    await connection.interim()
    await connection.write(chunk(second.bytes))
    connection.reset()
    await reception.report((each) => nameOf(each) === 'body-aborted')
    expectAnswer(await reception.deliver(second), 200, 'handled')
    expect(reception.handled).toHaveLength(2)
  })
})

const CHUNKED = { 'Transfer-Encoding': 'chunked' }
const EXPECT = { Expect: '100-continue' }

/** Sends the head of a request and waits until the server has taken it and asks for the body. */
async function startRequest(
  port: number,
  headers: Readonly<Record<string, string>>,
  framing: Readonly<Record<string, string>>,
): Promise<RawConnection> {
  const connection = await openConnection(port)
  await connection.write(head({ headers }, { ...framing, ...EXPECT }))
  await connection.interim()
  return connection
}
