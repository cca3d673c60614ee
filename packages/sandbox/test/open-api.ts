import { generateKeyPairSync, sign, verify, type KeyObject } from 'node:crypto'
import { once } from 'node:events'
import { connect } from 'node:net'
import { readPrivateKey, readPublicKeys, type VerificationKey } from '@hongbao/core/internal'
import { createApi, type ApiOptions } from '../src/http/api/api.ts'
import type { Clock } from '../src/clock/clock.ts'
import { createClock } from '../src/clock/timer-clock.ts'
import { Engine } from '../src/engine/engine.ts'
import type { JournalBody, JournalRecord } from '../src/events/journal.ts'
import { listen } from '../src/http/server.ts'

/** The key pair in Ping++'s place. Signing and verifying is node:crypto alone here: no code under test. */
export const PINGPP: KeyPair = generateKeyPairSync('rsa', { modulusLength: 2048 })
export const MERCHANT: KeyPair = generateKeyPairSync('rsa', { modulusLength: 2048 })

interface KeyPair {
  readonly publicKey: KeyObject
  readonly privateKey: KeyObject
}

export const KEY = 'sk_test_ibbTe5jLGCi5rzfH4OqPW9KC'

/** New year of the dragon, 2024: where the sandbox's clock stands. */
export const START_MS = 1_707_523_200_000

/** The guide's red envelope (step 3), with the text of a merchant. */
export const ENVELOPE = {
  order_no: '123456789',
  app: { id: 'app_1Gqj58ynP0mHeX1q' },
  channel: 'wx_pub',
  amount: 100,
  currency: 'cny',
  recipient: 'o9zpMs7Xk9e9aJbTXgufovuWGp7c',
  subject: '新年红包',
  body: '恭喜发财',
  description: '每位会员一个',
  extra: { send_name: '红包商店' },
  metadata: { branch: '上海/徐汇' },
} as const

export interface OpenedApi {
  readonly url: string
  readonly port: number
  readonly engine: Engine
  readonly clock: Clock
  /** Without HTTP. */
  fetch(request: Request): Promise<Response>
  /** With the key, unless the headers have another one, and not signed. */
  get(target: string, headers?: Record<string, string>): Promise<Answered>
  /** As JSON. */
  post(body: unknown, headers?: Record<string, string>): Promise<Answered>
  /** What the journal says of requests. */
  requests(): readonly RequestRecord[]
  close(): Promise<void>
}

export type RequestRecord = JournalRecord & Extract<JournalBody, { type: 'api.request' }>

export interface Answered {
  readonly status: number
  readonly headers: Headers
  readonly text: string
  readonly json: unknown
}

/** The API of an engine of its own, over HTTP. */
export async function openApi(options: ApiOptions = {}): Promise<OpenedApi> {
  const clock = createClock({ speed: 0, startMs: START_MS })
  const engine = new Engine({
    clock,
    target: undefined,
    sendWebhooks: 'on-retrieve',
    key: readPrivateKey(PINGPP.privateKey),
    responseTimeoutMs: 1000,
    seed: 1,
    allowRemote: false,
  })
  const app = createApi(engine, options)
  const server = await listen(app.fetch, { host: '127.0.0.1', port: 0, allowRemote: false })

  async function send(target: string, init: RequestInit): Promise<Answered> {
    const headers = { authorization: `Bearer ${KEY}`, ...Object(init.headers) }
    const response = await fetch(server.url + target, { ...init, headers })
    const text = await response.text()
    return { status: response.status, headers: response.headers, text, json: JSON.parse(text) }
  }

  return {
    url: server.url,
    port: server.port,
    engine,
    clock,
    fetch: async (request) => app.fetch(request),
    get: (target, headers = {}) => send(target, { headers }),
    post: (body, headers = {}) =>
      send('/v1/red_envelopes', {
        method: 'POST',
        headers: { 'content-type': 'application/json', ...headers },
        body: JSON.stringify(body),
      }),
    requests: () => engine.journal.since(0).filter((record) => record.type === 'api.request'),
    async close() {
      await server.close()
      await engine.close()
    },
  }
}

/** The merchant's key as the options take it. */
export const MERCHANT_KEYS: readonly VerificationKey[] = readPublicKeys(MERCHANT.publicKey)

export function nowSeconds(): string {
  return String(Math.floor(Date.now() / 1000))
}

/** RSA-SHA256 in base64, as all SDKs sign. */
export function signText(content: string | Buffer, key: KeyObject = MERCHANT.privateKey): string {
  return sign('sha256', Buffer.from(content), key).toString('base64')
}

/** Whether the answer's signature is Ping++'s, over exactly these bytes. */
export function isSignedByPingpp(answer: Answered): boolean {
  const signature = Buffer.from(answer.headers.get('x-pingplusplus-signature') ?? '', 'base64')
  return verify('sha256', Buffer.from(answer.text), PINGPP.publicKey, signature)
}

/** Writes bytes to the server as they are, so that nothing encodes or completes them, and reads to the end. */
export async function exchange(port: number, bytes: string | Buffer): Promise<Answered> {
  const socket = connect(port, '127.0.0.1')
  const chunks: Buffer[] = []
  socket.on('data', (chunk: Buffer) => chunks.push(chunk))
  socket.write(bytes)
  await once(socket, 'close')
  const answer = Buffer.concat(chunks).toString().replace(CONTINUE, '')
  const [head = '', text = ''] = answer.split('\r\n\r\n', 2)
  const [statusLine = '', ...lines] = head.split('\r\n')
  const headers = new Headers(
    lines.map((line) => [line.slice(0, line.indexOf(':')), line.slice(line.indexOf(':') + 1)]),
  )
  return { status: Number(statusLine.split(' ')[1]), headers, text, json: JSON.parse(text) }
}

const CONTINUE = 'HTTP/1.1 100 Continue\r\n\r\n'
