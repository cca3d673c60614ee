import { connect, createServer, type AddressInfo, type Socket } from 'node:net'
import { createBottleneck, type Bottleneck } from './bottleneck.ts'

/**
 * What becomes of a request:
 *
 * - `'lose-request'`: the connection is cut before the server has it.
 * - `'lose-answer'`: the server gets it and answers; the connection is cut before the client knows.
 * - `'swallow-request'`: the server never gets it, and the connection stays open.
 * - `'swallow-answer'`: the server gets it and answers; the client receives nothing more.
 */
export type Fault = 'lose-request' | 'lose-answer' | 'swallow-request' | 'swallow-answer'

/** A way to a server that can be made to fail at an exact point. */
export interface Proxy {
  readonly port: number
  /** Does that to the next request whose bytes match. Resolves when it has happened. */
  failNext(request: RegExp, fault: Fault): Promise<void>
  /**
   * Carries so many bytes a second from now on, each way, for all connections together. `Infinity`,
   * as at first: everything that comes, and at once what is on its way.
   */
  limit(bytesPerSecond: number): void
  /**
   * Leads new connections to another server, as a name does whose address changes. Those that are open
   * stay where they are.
   */
  moveTo(serverPort: number): void
  /** Cuts every connection, as a network does that goes away and comes back. */
  cutAll(): void
  close(): Promise<void>
}

interface Order {
  readonly request: RegExp
  readonly fault: Fault
  readonly done: () => void
}

/** Starts a proxy on a free port. */
export async function startProxy(serverPort: number): Promise<Proxy> {
  const links = new Set<Link>()
  const there = createBottleneck()
  const back = createBottleneck()
  let targetPort = serverPort
  let orders: readonly Order[] = []

  /** Takes the first order that the request matches. */
  function takeOrder(request: string): Order | undefined {
    const order = orders.find((each) => each.request.test(request))
    orders = orders.filter((each) => each !== order)
    return order
  }

  const listener = createServer((client) => {
    const link = join({ client, server: connect(targetPort, '127.0.0.1'), there, back }, takeOrder)
    links.add(link)
    client.once('close', () => links.delete(link))
  })
  await new Promise<void>((resolve) => listener.listen(0, '127.0.0.1', resolve))

  function cutAll(): void {
    for (const link of links) link.cut()
  }

  return {
    port: (listener.address() as AddressInfo).port,
    failNext: (request, fault) =>
      new Promise((resolve) => {
        orders = [...orders, { request, fault, done: resolve }]
      }),
    limit(bytesPerSecond) {
      there.limit(bytesPerSecond)
      back.limit(bytesPerSecond)
    },
    moveTo(port) {
      targetPort = port
    },
    cutAll,
    async close() {
      there.close()
      back.close()
      const closed = new Promise<void>((resolve) => listener.close(() => resolve()))
      cutAll()
      await closed
    },
  }
}

/** A client and a server that are connected. */
interface Link {
  cut(): void
}

/** The parts of a link. */
interface Ends {
  readonly client: Socket
  readonly server: Socket
  readonly there: Bottleneck
  readonly back: Bottleneck
}

function join(
  { client, server, there, back }: Ends,
  takeOrder: (request: string) => Order | undefined,
): Link {
  let failing: Order | undefined

  client.on('data', (bytes) => {
    if (failing !== undefined) return
    failing = takeOrder(bytes.toString('latin1'))
    const fault = failing?.fault
    if (fault === undefined || fault === 'lose-answer' || fault === 'swallow-answer') {
      there.pass(bytes, (piece) => write(server, piece))
    }
    if (fault === 'lose-request') cut()
    if (fault === 'lose-request' || fault === 'swallow-request') failing?.done()
  })

  server.on('data', (bytes) => {
    if (failing === undefined) {
      back.pass(bytes, (piece) => write(client, piece))
      return
    }
    if (failing.fault === 'lose-answer') cut()
    failing.done()
  })

  function cut(): void {
    client.destroy()
    server.destroy()
  }

  // The end of a connection is forwarded after its data.
  client.on('close', () => there.pass(NOTHING, () => server.destroy()))
  server.on('close', () => back.pass(NOTHING, () => client.destroy()))
  // Every error is followed by a `close`.
  for (const socket of [client, server]) socket.on('error', () => {})
  return { cut }
}

const NOTHING = Buffer.alloc(0)

function write(socket: Socket, bytes: Buffer): void {
  if (socket.writable) socket.write(bytes)
}
