import type { PingppClient, Reconciler } from '@hongbao/client'
import { createTestKeys } from '@hongbao/core/testing'
import { startSandbox, type Sandbox } from '@hongbao/sandbox'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import type { orders } from './host/orders.ts'
import { createWorkspace, removeWorkspaces } from './snippets.ts'

// In a file of its own: the snippets read the environment of their process when they are imported.

interface Sending {
  readonly sendRedEnvelope: (
    orderNo: string,
    openid: string,
  ) => Promise<{ id: string; status: string }>
}

const merchant = createTestKeys()

beforeAll(() => void vi.spyOn(console, 'warn').mockImplementation(() => {}))
afterAll(() => {
  removeWorkspaces()
  vi.unstubAllEnvs()
  vi.restoreAllMocks()
})

describe('the test that docs/testing.md shows', async () => {
  // It registers its test, and sets the environment, which the app reads when that test runs.
  await createWorkspace().import('loop.test.ts')
})

describe('the snippet', () => {
  let sandbox: Sandbox
  beforeAll(async () => {
    sandbox = await startSandbox({ clock: 'virtual', merchantPublicKey: merchant.publicKey })
  })
  afterAll(() => sandbox.close())

  async function openWorkspace() {
    vi.stubEnv('PINGPP_API_KEY', sandbox.apiKey)
    vi.stubEnv('PINGPP_PRIVATE_KEY', merchant.privateKey)
    vi.stubEnv('PINGPP_PUBLIC_KEY', sandbox.publicKey)
    vi.stubEnv('PINGPP_BASE_URL', sandbox.url)
    const workspace = createWorkspace()
    const { orders: book } = await workspace.import<{ orders: typeof orders }>('orders.ts')
    return { workspace, book }
  }

  it('client.ts calls the sandbox, signed both ways', async () => {
    const { workspace } = await openWorkspace()
    const { pingpp } = await workspace.import<{ pingpp: PingppClient }>('client.ts')
    expect((await pingpp.redEnvelopes.list({ limit: 3 })).data).toEqual([])
  })

  it('send.ts saves the order first, and marks it failed only if nothing can have been sent', async () => {
    const { workspace, book } = await openWorkspace()
    const { sendRedEnvelope } = await workspace.import<Sending>('send.ts')

    expect(await sendRedEnvelope('1', 'o9zp')).toMatchObject({ status: 'sending' })
    expect(book.find('1')).toEqual({ status: 'sending', detail: 888 })

    sandbox.faults.add('channel-failure', { code: 'channel_request_error' })
    await expect(sendRedEnvelope('2', 'o9zp')).rejects.toMatchObject({ notCreated: true })
    expect(book.find('2')).toEqual({ status: 'failed', detail: 888 })

    sandbox.faults.add('api-error', { status: 500 })
    await expect(sendRedEnvelope('3', 'o9zp')).rejects.toMatchObject({
      notCreated: false,
      orderNo: '3',
    })
    expect(book.find('3')).toEqual({ status: 'sending', detail: 888 })
  })

  it('send.ts called again does not change an order that has advanced [H15]', async () => {
    const { workspace, book } = await openWorkspace()
    const { sendRedEnvelope } = await workspace.import<Sending>('send.ts')
    await sendRedEnvelope('6', 'o9zp')
    await book.markSent('6', '1000000000201702170000000001')
    await book.markReceived('6', 1_487_330_000)
    const received = { status: 'received', detail: 1_487_330_000 }

    await sendRedEnvelope('6', 'o9zp')
    expect(book.find('6')).toEqual(received)

    sandbox.faults.add('channel-failure', { code: 'channel_request_error' })
    await expect(sendRedEnvelope('6', 'o9zp')).rejects.toMatchObject({ notCreated: true })
    expect(book.find('6')).toEqual(received)
  })

  it('send.ts called again does not mark an order failed that the first call may have sent [H15]', async () => {
    const { workspace, book } = await openWorkspace()
    const { sendRedEnvelope } = await workspace.import<Sending>('send.ts')
    await sendRedEnvelope('7', 'o9zp')

    sandbox.faults.add('api-error', { status: 401 })
    await expect(sendRedEnvelope('7', 'o9zp')).rejects.toMatchObject({ notCreated: true })
    expect(book.find('7')).toEqual({ status: 'sending', detail: 888 })
  })

  it('reconciler.ts finds what no webhook reported', async () => {
    await sandbox.reset()
    const { workspace, book } = await openWorkspace()
    const { sendRedEnvelope } = await workspace.import<Sending>('send.ts')
    const { reconciler } = await workspace.import<{ reconciler: Reconciler }>('reconciler.ts')
    const told = await sendRedEnvelope('4', 'o9zp')
    const unclaimed = await sendRedEnvelope('5', 'o9zp')
    sandbox.move(told.id, 'sent')
    sandbox.move(told.id, 'received')
    for (const status of ['sent', 'refunding', 'refund'] as const) {
      sandbox.move(unclaimed.id, status)
    }

    await reconciler.run()
    expect(book.find('4')).toMatchObject({ status: 'received' })
    expect(book.find('5')).toMatchObject({ status: 'refund' })
  })
})
