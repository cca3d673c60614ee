import { verify } from 'node:crypto'
import { once } from 'node:events'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { readPrivateKey } from '@hongbao/core/internal'
import { createClock } from '../src/clock/timer-clock.ts'
import { Engine, type EngineOptions } from '../src/engine/engine.ts'
import type { CreateParameters } from '../src/engine/envelopes.ts'
import { PINGPP, START_MS } from './open-api.ts'

export { START_MS } from './open-api.ts'

/** An engine on a virtual clock, with whatever a test needs otherwise. */
export function openEngine(options: Partial<EngineOptions> = {}): Engine {
  return new Engine({
    clock: createClock({ speed: 0, startMs: START_MS }),
    target: undefined,
    sendWebhooks: 'by-hand',
    key: readPrivateKey(PINGPP.privateKey),
    responseTimeoutMs: 10_000,
    seed: 1,
    allowRemote: false,
    ...options,
  })
}

/** The guide's parameters (step 3). */
export function parameters(changes: Partial<CreateParameters> = {}): CreateParameters {
  return {
    app: 'app_1Gqj58ynP0mHeX1q',
    channel: 'wx_pub',
    order_no: '123456789',
    amount: 100,
    currency: 'cny',
    recipient: 'o9zpMs7Xk9e9aJbTXgufovuWGp7c',
    subject: '新年红包',
    body: '恭喜发财',
    description: '每位会员一个',
    extra: { send_name: '红包商店' },
    metadata: {},
    ...changes,
  }
}

/** What an app got of one post. */
export interface Seen {
  /** The whole body, or what came of it before the connection broke. */
  readonly body: Buffer
  readonly isWhole: boolean
  readonly signature: string | undefined
  readonly contentType: string | undefined
}

/** An app that notes what it gets. */
export interface App {
  readonly seen: Seen[]
  /** Status of the answers: one after another, and the last one from then on. Default: 200. */
  statuses: number[]
}

export interface FunctionApp extends App {
  readonly target: (request: Request) => Promise<Response>
}

/** An app in this process. */
export function functionApp(...statuses: number[]): FunctionApp {
  const app: FunctionApp = {
    seen: [],
    statuses,
    async target(request) {
      const { body, isWhole } = await readStream(request.body ?? [])
      app.seen.push({
        body,
        isWhole,
        signature: request.headers.get('x-pingplusplus-signature') ?? undefined,
        contentType: request.headers.get('content-type') ?? undefined,
      })
      return new Response('{"outcome":"handled"}', { status: nextStatus(app) })
    },
  }
  return app
}

export interface HttpApp extends App {
  readonly target: string
  readonly port: number
  close(): Promise<void>
}

/** An app behind a real server. */
export async function httpApp(...statuses: number[]): Promise<HttpApp> {
  const server = createServer((request, response) => void receive(request, response))
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  const app: HttpApp = {
    seen: [],
    statuses,
    port,
    target: `http://127.0.0.1:${port}/webhooks?shop=1`,
    async close() {
      server.close()
      server.closeAllConnections()
      await once(server, 'close')
    },
  }
  return app

  async function receive(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { body, isWhole } = await readStream(request)
    app.seen.push({
      body,
      isWhole,
      signature: request.headers['x-pingplusplus-signature'] as string | undefined,
      contentType: request.headers['content-type'],
    })
    response.writeHead(nextStatus(app)).end('{"outcome":"handled"}')
  }
}

function nextStatus({ statuses }: App): number {
  return (statuses.length > 1 ? statuses.shift() : statuses[0]) ?? 200
}

async function readStream(
  stream: AsyncIterable<Uint8Array> | Iterable<Uint8Array>,
): Promise<{ body: Buffer; isWhole: boolean }> {
  const chunks: Uint8Array[] = []
  try {
    for await (const chunk of stream) chunks.push(chunk)
    return { body: Buffer.concat(chunks), isWhole: true }
  } catch {
    return { body: Buffer.concat(chunks), isWhole: false }
  }
}

/** Whether a signature is Ping++'s, over exactly these bytes: node:crypto alone. */
export function isGenuine({ body, signature }: Pick<Seen, 'body' | 'signature'>): boolean {
  return verify('sha256', body, PINGPP.publicKey, Buffer.from(signature ?? '', 'base64'))
}

/** Milliseconds after the start at which the attempts of an event began. */
export function startsOf(engine: Engine, id: string): number[] {
  return (engine.event(id)?.attempts ?? []).map(({ startedMs }) => startedMs - START_MS)
}

/** A port on which nothing listens. */
export async function freePort(): Promise<number> {
  const server = createServer()
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  server.close()
  await once(server, 'close')
  return port
}
