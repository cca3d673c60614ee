import { createTestKeys } from '@hongbao/core/testing'
import { startSandbox, type Sandbox } from '@hongbao/sandbox'
import { once } from 'node:events'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createServer, type Server } from 'node:http'
import { createRequire } from 'node:module'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { buffer } from 'node:stream/consumers'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { loadVerifier } from './published-verifier.ts'

// Ping++'s own SDK for Node, from npm and unchanged, against the sandbox; and its sample verifier.

const require = createRequire(import.meta.url)

/** What is used of the SDK, which has no types. */
interface Sdk {
  setHost(host: string, port: number, protocol: string): void
  setApiKey(key: string): void
  setPrivateKey(pem: string): void
  readonly redEnvelopes: {
    create(parameters: object): Promise<Fields>
    retrieve(id: string): Promise<Fields>
    list(query: object): Promise<Fields>
  }
  readonly events: { retrieve(id: string): Promise<Fields> }
}

type Fields = Readonly<Record<string, unknown>>

const merchant = createTestKeys()
const ENVELOPE = {
  order_no: '123456789',
  app: { id: 'app_1Gqj58ynP0mHeX1q' },
  channel: 'wx_pub',
  amount: 100,
  currency: 'cny',
  recipient: 'o9zpMs7Xk9e9aJbTXgufovuWGp7c',
  subject: '新年红包 <3',
  body: '恭喜/发财 & 大吉大利',
  description: 'Your Description',
  extra: { send_name: '红包商店' },
}

let sandbox: Sandbox
let sdk: Sdk
let receiver: Receiver

beforeEach(async () => {
  receiver = await startReceiver()
  sandbox = await startSandbox({
    target: receiver.url,
    merchantPublicKey: merchant.publicKey,
    requestSignatures: 'strict',
  })
  sdk = startSdk(sandbox)
})

afterEach(async () => {
  await sandbox.close()
  receiver.server.close()
  receiver.server.closeAllConnections()
})

describe('the official SDK for Node', () => {
  it('creates, retrieves and lists, many times in a row, with every signature enforced', async () => {
    const created = await sdk.redEnvelopes.create(ENVELOPE)
    expect(created).toMatchObject({
      status: 'sending',
      subject: '新年红包 <3',
      body: '恭喜/发财 & 大吉大利',
      livemode: false,
    })
    const id = String(created['id'])
    expect(await sdk.redEnvelopes.retrieve(id)).toMatchObject({ id, status: 'sent' })
    expect(await sdk.redEnvelopes.retrieve(id)).toMatchObject({ id, status: 'received' })
    expect(await sdk.redEnvelopes.create({ ...ENVELOPE, order_no: '2' })).toMatchObject({
      order_no: '2',
    })
    expect(await sdk.redEnvelopes.list({ limit: 3 })).toMatchObject({
      object: 'list',
      has_more: false,
      data: [{ order_no: '2' }, { order_no: '123456789' }],
    })
    const query = { app: { id: 'app_1Gqj58ynP0mHeX1q' }, created: { gte: 1 }, limit: 1 }
    expect(await sdk.redEnvelopes.list(query)).toMatchObject({
      has_more: true,
      data: [{ order_no: '2' }],
    })
    expect(signatures()).toEqual(Array.from({ length: 6 }, () => 'valid'))
  })

  it('retrieves the event that was sent', async () => {
    const { id } = await sdk.redEnvelopes.create(ENVELOPE)
    await sdk.redEnvelopes.retrieve(String(id))
    const { id: eventId } = await sandbox.waitFor({ type: 'red_envelope.sent' })
    expect(await sdk.events.retrieve(eventId)).toMatchObject({
      id: eventId,
      object: 'event',
      type: 'red_envelope.sent',
      data: { object: { id, status: 'sent', subject: '新年红包 <3' } },
    })
  })

  it('reports refusals with their messages', async () => {
    await sdk.redEnvelopes.create(ENVELOPE)
    await expect(sdk.redEnvelopes.create({ ...ENVELOPE, amount: 200 })).rejects.toMatchObject({
      type: 'PingppChannelError',
      code: 'charge_order_no_used',
    })
    await expect(sdk.redEnvelopes.create({ ...ENVELOPE, amount: 1.5 })).rejects.toMatchObject({
      type: 'PingppInvalidRequest',
      param: 'amount',
    })
    await expect(sdk.redEnvelopes.retrieve('red_x')).rejects.toMatchObject({
      type: 'PingppInvalidRequest',
      message: '未找到 red_envelope : red_x。',
      param: 'id',
    })
    sdk.setApiKey('sk_live_ibbTe5jLGCi5rzfH4OqPW9KC')
    await expect(sdk.redEnvelopes.create(ENVELOPE)).rejects.toMatchObject({
      type: 'PingppAuthenticationError',
      message: expect.stringContaining('本地沙箱'),
    })
  })

  it('is refused with another private key than that of the merchant', async () => {
    sdk.setPrivateKey(createTestKeys().privateKey)
    await expect(sdk.redEnvelopes.create(ENVELOPE)).rejects.toMatchObject({
      type: 'PingppAuthenticationError',
      message: expect.stringContaining('不成对'),
    })
    expect(sandbox.envelope('123456789')).toBeUndefined()
  })

  it('gets the error of a busy channel, and one envelope for the same order', async () => {
    sandbox.faults.add('channel-failure', { committed: true })
    await expect(sdk.redEnvelopes.create(ENVELOPE)).rejects.toMatchObject({
      type: 'PingppChannelError',
      code: 'red_system_busy',
    })
    const created = await sdk.redEnvelopes.create(ENVELOPE)
    expect(await sdk.redEnvelopes.list({})).toMatchObject({ data: [{ id: created['id'] }] })
  })

  it('loses an answer, and gets the same envelope for the same order', async () => {
    sandbox.faults.add('api-answer-lost')
    await expect(sdk.redEnvelopes.create(ENVELOPE)).rejects.toMatchObject({
      type: 'PingppConnectionError',
      detail: expect.stringMatching(/ECONNRESET|socket hang up/),
    })
    const made = sandbox.envelope('123456789')
    expect(await sdk.redEnvelopes.create(ENVELOPE)).toMatchObject({ id: made?.id })
  })
})

describe("Ping++'s sample verifier", () => {
  it('accepts the webhooks of the sandbox as they came over HTTP, and nothing else', async () => {
    const { id } = await sdk.redEnvelopes.create(ENVELOPE)
    await sdk.redEnvelopes.retrieve(String(id))
    await sandbox.waitFor({ type: 'red_envelope.sent', status: 'delivered' })
    await sdk.redEnvelopes.retrieve(String(id))
    await sandbox.waitFor({ type: 'red_envelope.received', status: 'delivered' })

    const verify = loadVerifier()
    const folder = mkdtempSync(join(tmpdir(), 'hongbao-'))
    const keyFile = join(folder, 'pingpp_rsa_public_key.pem')
    writeFileSync(keyFile, sandbox.publicKey)
    expect(receiver.received.map(({ body }) => JSON.parse(body).type)).toEqual([
      'red_envelope.sent',
      'red_envelope.received',
    ])
    for (const { body, signature } of receiver.received) {
      expect(verify(body, signature, keyFile)).toBe(true)
      expect(verify(body.replace('"amount":100', '"amount":900'), signature, keyFile)).toBe(false)
      expect(verify(JSON.stringify(JSON.parse(body), null, 2), signature, keyFile)).toBe(false)
    }
    writeFileSync(keyFile, createTestKeys().publicKey)
    const [first] = receiver.received
    expect(verify(String(first?.body), String(first?.signature), keyFile)).toBe(false)
    rmSync(folder, { recursive: true })
  })
})

function startSdk({ url, apiKey }: Sandbox): Sdk {
  const { hostname, port } = new URL(url)
  const started: Sdk = require('pingpp')(apiKey)
  started.setHost(hostname, Number(port), 'http')
  started.setPrivateKey(merchant.privateKey)
  return started
}

/** The sandbox's verdict on the signatures of all requests, in their order. */
function signatures(): string[] {
  return sandbox
    .journal()
    .flatMap((record) => (record.type === 'api.request' ? record.signature : []))
}

interface Receiver {
  readonly url: string
  readonly server: Server
  readonly received: { readonly body: string; readonly signature: string }[]
}

/** An app that keeps what it gets, as it got it. */
async function startReceiver(): Promise<Receiver> {
  const received: Receiver['received'] = []
  const server = createServer((request, response) => {
    void buffer(request).then((body) => {
      const signature = String(request.headers['x-pingplusplus-signature'])
      received.push({ body: body.toString(), signature })
      response.end()
    })
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  return { url: `http://127.0.0.1:${port}/webhooks`, server, received }
}
