import { createWebhooks } from '@hongbao/core'
import { createTestKeys, eventFixture, signDelivery } from '@hongbao/core/testing'
import { expressWebhooks } from '@hongbao/express'
import express from 'express'
import { once } from 'node:events'
import type { AddressInfo } from 'node:net'

const keys = createTestKeys()

it('marks an order when its red envelope is sent', async () => {
  const sent: (string | null)[] = []
  const webhooks = createWebhooks({ publicKey: keys.publicKey })
  webhooks.on('red_envelope.sent', ({ data: { object } }) => void sent.push(object.order_no))
  const server = express().post('/webhooks', expressWebhooks(webhooks)).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo

  const event = eventFixture('red_envelope.sent', { object: { order_no: '20260217' } })
  const { bytes, headers } = signDelivery(event, keys)
  const reply = await fetch(`http://127.0.0.1:${port}/webhooks`, {
    method: 'POST',
    headers,
    body: bytes.toString(),
  })
  server.close()
  expect([reply.status, await reply.json()]).toEqual([200, { outcome: 'handled' }])
  expect(sent).toEqual(['20260217'])
})
