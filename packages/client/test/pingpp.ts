import { generateKeyPairSync, sign, type KeyObject } from 'node:crypto'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { onTestFinished } from 'vitest'
import { createPingppClientWith, type PingppClient } from '../src/client.ts'
import type { PingppClientOptions } from '../src/options.ts'

/** The key pair in Ping++'s place. Signing uses only node:crypto here: no code under test. */
export const PINGPP: { readonly publicKey: KeyObject; readonly privateKey: KeyObject } =
  generateKeyPairSync('rsa', { modulusLength: 2048 })

export const API_KEY = 'sk_test_ibbTe5jLGCi5rzfH4OqPW9KC'

/** The time on the clock of these tests: 2024-02-10 02:40:00 UTC. */
export const NOW_MS = 1_707_532_800_000

/** The guide's parameters (step 3), in Chinese. */
export const GUIDE = {
  order_no: '123456789',
  app: { id: 'app_1Gqj58ynP0mHeX1q' },
  channel: 'wx_pub',
  amount: 100,
  currency: 'cny',
  subject: '新年红包',
  body: '恭喜发财,大吉大利!🧧',
  extra: { send_name: '红包商店' },
  recipient: 'o9zpMs7Xk9e9aJbTXgufovuWGp7c',
  description: '春节活动:每位会员一个红包',
} as const

/** An envelope as Ping++ answers a create. */
export function envelope(changes: object = {}): Record<string, unknown> {
  return {
    id: 'red_04er10TuvT4OCyLO08aLOqbD',
    object: 'red_envelope',
    created: 1_707_532_790,
    received: null,
    refunded: null,
    livemode: false,
    status: 'sending',
    app: 'app_1Gqj58ynP0mHeX1q',
    channel: 'wx_pub',
    order_no: '123456789',
    transaction_no: null,
    amount: 100,
    amount_settle: 100,
    currency: 'cny',
    recipient: 'o9zpMs7Xk9e9aJbTXgufovuWGp7c',
    subject: '新年红包',
    body: '恭喜发财,大吉大利!🧧',
    description: '春节活动:每位会员一个红包',
    failure_msg: null,
    extra: { send_name: '红包商店' },
    ...changes,
  }
}

/** Envelopes with the ids `red_1`, `red_2`, … as a page of a list. */
export function page(numbers: readonly number[], hasMore: boolean): Record<string, unknown> {
  const data = numbers.map((number) => envelope({ id: `red_${number}`, order_no: `${number}` }))
  return { object: 'list', url: '/v1/red_envelopes', has_more: hasMore, data }
}

/** A request as it came over the wire. */
export interface Seen {
  readonly method: string
  /** The request target, byte for byte. */
  readonly target: string
  readonly headers: IncomingMessage['headers']
  readonly body: Buffer
}

/** How one request is answered: with JSON, or by hand. */
export type Step = Answer | ((response: ServerResponse, seen: Seen) => void)

export interface Answer {
  readonly status?: number
  /** Written as Ping++ writes it: four spaces, and Chinese as it is. */
  readonly json?: unknown
  readonly body?: string | Buffer
  readonly headers?: Readonly<Record<string, string>>
  /** The key that signs the body. Default: unsigned. */
  readonly signedBy?: KeyObject
}

/** A server in Ping++'s place, with a client that speaks with it. */
export interface Pingpp {
  readonly url: string
  readonly client: PingppClient
  readonly seen: readonly Seen[]
  /** How long the client meant to wait before each retry, in milliseconds. */
  readonly waits: readonly number[]
}

export interface PingppOptions {
  /** Answers, one for each request; the last one is given again and again. */
  readonly steps: readonly Step[]
  readonly options?: Partial<PingppClientOptions> | undefined
  /** The path between the host and `/v1`. Default: none. */
  readonly path?: string | undefined
  /** The random number of the jitter. Default: 0.5. */
  readonly random?: (() => number) | undefined
  /** Told of every wait before it ends. */
  readonly onWait?: ((ms: number) => void) | undefined
}

/** Starts a server that ends with the test. */
export async function startPingpp({
  steps,
  options,
  path = '',
  random = () => 0.5,
  onWait,
}: PingppOptions): Promise<Pingpp> {
  const seen: Seen[] = []
  const waits: number[] = []
  const server = createServer((request, response) => {
    const chunks: Buffer[] = []
    request.on('data', (chunk: Buffer) => chunks.push(chunk))
    request.on('end', () => {
      const { method = '', url: target = '', headers } = request
      const body = Buffer.concat(chunks)
      const step = steps[Math.min(seen.length, steps.length - 1)] as Step
      seen.push({ method, target, headers, body })
      if (typeof step === 'function') step(response, seen.at(-1) as Seen)
      else answer(response, step)
    })
  })
  const url = await listen(server)
  onTestFinished(() => close(server))
  const client = createPingppClientWith(
    { apiKey: API_KEY, baseUrl: url + path, now: () => NOW_MS, ...options },
    {
      random,
      wait: (ms) => {
        waits.push(ms)
        onWait?.(ms)
        return Promise.resolve()
      },
    },
  )
  return { url, client, seen, waits }
}

/** Drops the connection without an answer. */
export function reset(response: ServerResponse): void {
  response.socket?.resetAndDestroy()
}

/** Never answers. */
export function hang(): void {}

/** Starts an answer, and drops the connection within its body. */
export function cutOff(response: ServerResponse): void {
  const text = JSON.stringify(envelope())
  response.writeHead(200, { 'content-length': String(Buffer.byteLength(text)) })
  response.write(text.slice(0, 40), () => response.socket?.destroy())
}

/** An error as Ping++ answers it. */
export function refusal(status: number, error: object, headers = {}): Answer {
  return { status, json: { error }, headers }
}

/** The reason with which a promise rejects. */
export async function errorOf(promise: PromiseLike<unknown>): Promise<unknown> {
  try {
    await promise
  } catch (error) {
    return error
  }
  throw new Error('It did not reject.')
}

export async function listen(server: Server): Promise<string> {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`
}

export async function close(server: Server): Promise<void> {
  server.closeAllConnections()
  await new Promise((resolve) => server.close(resolve))
}

function answer(response: ServerResponse, { status = 200, json, body, ...rest }: Answer): void {
  const bytes = Buffer.from(body ?? (json === undefined ? '' : JSON.stringify(json, null, 4)))
  const signature = rest.signedBy && sign('RSA-SHA256', bytes, rest.signedBy).toString('base64')
  response.writeHead(status, {
    'content-type': 'application/json;charset=utf-8',
    ...(signature === undefined ? {} : { 'x-pingplusplus-signature': signature }),
    ...rest.headers,
  })
  response.end(bytes)
}
