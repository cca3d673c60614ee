import { createTestKeys, eventFixture, signDelivery } from '@hongbao/core/testing'
import { createServer, type RequestListener, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { describe, expect, it, onTestFinished } from 'vitest'
import { sendHerd } from './herd.ts'

const { privateKey } = createTestKeys()
const DELIVERIES = Array.from({ length: 3 }, () =>
  signDelivery(eventFixture('red_envelope.sent'), { privateKey }),
)

describe('the answers to a herd', () => {
  it('count the deliveries that got none, apart from those that were answered [E36]', async () => {
    const port = await startApp((request) => void request.socket.destroy())
    const answers = await sendHerd(port, DELIVERIES, 1)
    expect(answers).toEqual({ statuses: new Set(), dropped: 3, failed: DELIVERIES })
  })

  it('have no such delivery if the app answers each', async () => {
    const port = await startApp((_, response) => void response.writeHead(500).end())
    const answers = await sendHerd(port, DELIVERIES, 1)
    expect(answers).toEqual({ statuses: new Set([500]), dropped: 0, failed: DELIVERIES })
  })
})

async function startApp(listener: RequestListener): Promise<number> {
  const server: Server = createServer(listener)
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  onTestFinished(() => {
    server.closeAllConnections()
    server.close()
  })
  return (server.address() as AddressInfo).port
}
