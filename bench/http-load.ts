import { fork } from 'node:child_process'
import { once } from 'node:events'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { fileURLToPath } from 'node:url'
import type { SignedBody } from './deliveries.ts'
import { sideBySide, type DuelResult } from './side-by-side.ts'

const ROUNDS = 60
const WARM_UP_ROUNDS = 12
/** How many requests a block sends. */
const BLOCK = 300
/** How many requests either server gets in a run. */
export const SENT: number = BLOCK * (WARM_UP_ROUNDS + ROUNDS)
/**
 * How many distinct requests are signed for the whole run. More than twice {@link MAX_KEYS}, so that an
 * event which comes round again is a new one to an inbox with that bound.
 */
export const REQUESTS = 1800
export const MAX_KEYS = 600

/** The task of the load client: send requests to a port. */
export interface Volley {
  readonly port: number
  /** Which request comes first. */
  readonly from: number
  readonly count: number
}

/** How many answers there were of each status. */
export interface VolleyResult {
  readonly statuses: Readonly<Record<string, number>>
}

export interface HttpDuel {
  /** Ports of two servers in this process. */
  readonly ours: number
  readonly theirs: number
  readonly requests: readonly SignedBody[]
  /** The status that every answer must have. */
  readonly status: number
  /** Called before each block of theirs. */
  readonly beforeTheirs?: () => void
}

/** Measures two servers of this process side by side, under load from another process. */
export async function sideBySideOverHttp(duel: HttpDuel): Promise<DuelResult> {
  const { requests, status, beforeTheirs } = duel
  const client = fork(fileURLToPath(new URL('load-client.ts', import.meta.url)), {
    serialization: 'advanced',
  })
  client.send(requests.map(toHttp))

  async function fire(port: number, round: number): Promise<number> {
    client.send({ port, from: (round * BLOCK) % requests.length, count: BLOCK } satisfies Volley)
    const [result] = (await once(client, 'message')) as [VolleyResult]
    if (result.statuses[status] !== BLOCK) {
      throw new Error(`Expected ${BLOCK} × ${status}, got ${JSON.stringify(result.statuses)}.`)
    }
    return BLOCK
  }

  try {
    return await sideBySide({
      ours: (round) => fire(duel.ours, round),
      theirs: (round) => {
        beforeTheirs?.()
        return fire(duel.theirs, round)
      },
      rounds: ROUNDS,
      warmUpRounds: WARM_UP_ROUNDS,
    })
  } finally {
    client.kill()
  }
}

/** Starts `node:http` with a listener on a free port of the loopback. */
export async function listen(
  listener: (request: IncomingMessage, response: ServerResponse) => unknown,
): Promise<Server> {
  const server = createServer(listener)
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return server
}

export function portOf(server: { address(): AddressInfo | string | null }): number {
  const address = server.address()
  if (address === null || typeof address === 'string') throw new Error('Not a TCP server.')
  return address.port
}

/** Both must answer a request in the same words, or the comparison is worth nothing. */
export async function expectSameAnswer(
  ports: { readonly ours: number; readonly theirs: number },
  requests: readonly SignedBody[],
): Promise<void> {
  for (const request of requests) {
    const ours = await ask(ports.ours, request)
    const theirs = await ask(ports.theirs, request)
    if (ours !== theirs) throw new Error(`Ours answers\n${ours}\ntheirs\n${theirs}`)
  }
}

/** Everything of an answer that a handler decides on, as text. */
async function ask(port: number, { body, signature }: SignedBody): Promise<string> {
  const response = await fetch(`http://127.0.0.1:${port}/webhooks`, {
    method: 'POST',
    headers: headersOf(signature),
    body: new Uint8Array(body),
  })
  const headers = [...response.headers].filter(([name]) => name !== 'date')
  return JSON.stringify({ status: response.status, headers, body: await response.text() })
}

export function toHttp({ body, signature }: SignedBody): Uint8Array {
  const head = [
    'POST /webhooks HTTP/1.1',
    'host: 127.0.0.1',
    `content-length: ${body.length}`,
    ...Object.entries(headersOf(signature)).map(([name, value]) => `${name}: ${value}`),
  ]
  return Buffer.concat([Buffer.from(`${head.join('\r\n')}\r\n\r\n`), body])
}

/** An empty signature stands for none. */
function headersOf(signature: string): Record<string, string> {
  const type = { 'content-type': 'application/json; charset=utf-8' }
  return signature === '' ? type : { ...type, 'x-pingplusplus-signature': signature }
}
