import { createTestKeys, eventFixture, signDelivery } from '@hongbao/core/testing'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { createServer, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest'
import { createWorkspace, removeWorkspaces } from '../docs/snippets.ts'
import { bundleApp } from './bundle.ts'
import { serveWorkerd, type Running } from './hosts.ts'

const keys = createTestKeys()
let folder: string

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'hongbao-worker-keys-'))
})

afterAll(async () => {
  removeWorkspaces()
  await rm(folder, { recursive: true, force: true })
})

async function post({ url }: Running, path = '/webhooks', by = keys): Promise<unknown> {
  const signed = signDelivery(eventFixture('red_envelope.sent'), by)
  return (await fetch(url + path, signed.init())).json()
}

async function start(entry: URL, variables: Record<string, string>): Promise<Running> {
  const worker = await bundleApp(keys, folder, entry)
  // Before 2025-04-01, `process.env` has no variables.
  return serveWorkerd(worker, '2025-03-31', variables)
}

describe('a worker that has its variables with each request only', () => {
  it('verifies by the snippet of docs/keys.md [C29]', async () => {
    const snippet = pathToFileURL(join(createWorkspace().directory, 'worker-key.ts'))
    const runtime = await start(snippet, { PINGPP_PUBLIC_KEY: keys.publicKey })
    onTestFinished(() => runtime.stop())
    expect(await post(runtime)).toEqual({ outcome: 'unhandled' })
    expect(await post(runtime, '/webhooks', createTestKeys())).toMatchObject({
      code: 'signature-mismatch',
    })
  })
})

describe('a worker whose key is in a secret manager', () => {
  let manager: Server
  /** What the secret manager does with the next requests. After that it gives the key. */
  let answers: ((response: ServerResponse) => void)[]

  beforeAll(async () => {
    manager = createServer((_request, response) => {
      const answer = answers.shift()
      if (answer === undefined) response.end(keys.publicKey)
      else answer(response)
    }).listen(0, '127.0.0.1')
    await once(manager, 'listening')
  })

  afterAll(() => {
    manager.closeAllConnections()
    manager.close()
  })

  async function startWith(...given: typeof answers): Promise<Running> {
    answers = given
    const { port } = manager.address() as AddressInfo
    const runtime = await start(new URL('key-app.ts', import.meta.url), {
      KEY_URL: `http://127.0.0.1:${port}/`,
    })
    onTestFinished(() => runtime.stop())
    return runtime
  }

  it('answers 500 while the manager fails, and 200 when it works [C25]', async () => {
    const runtime = await startWith((response) => response.writeHead(503).end())
    expect(await post(runtime)).toEqual({ outcome: 'failed', code: 'key-unavailable' })
    await expect.poll(() => post(runtime)).toEqual({ outcome: 'handled' })
  })

  it('verifies the next delivery though the request that was reading the key has ended [C30]', async () => {
    // Workers end the request with all that it waits for: its reading never settles.
    const runtime = await startWith(() => {})
    expect(await post(runtime, '/left')).toEqual({ outcome: 'not awaited' })
    expect(await post(runtime)).toEqual({ outcome: 'handled' })
  })
})
