// Sends one delivery to an Express app and prints which functions of hongbao it calls, as JSON. A
// program of its own, because Vitest adds functions to what it loads.
import { createWebhooks } from '@hongbao/core'
import { createTestKeys, eventFixture, signDelivery } from '@hongbao/core/testing'
import { expressWebhooks } from '@hongbao/express'
import express from 'express'
import { once } from 'node:events'
import { Session } from 'node:inspector/promises'
import type { AddressInfo } from 'node:net'

export interface Called {
  readonly file: string
  readonly name: string
  readonly count: number
}

const keys = createTestKeys()
const webhooks = createWebhooks({ publicKey: keys.publicKey })
webhooks.on('red_envelope.sent', () => {})
const app = express()
app.post('/webhooks', expressWebhooks(webhooks))
const server = app.listen(0, '127.0.0.1')
await once(server, 'listening')
const { port } = server.address() as AddressInfo
const url = `http://127.0.0.1:${port}/webhooks`
const [first, second] = [signed(), signed()]

await send(first)
const session = new Session()
session.connect()
await session.post('Profiler.enable')
await session.post('Profiler.startPreciseCoverage', { callCount: true, detailed: false })
await send(second)
const { result } = await session.post('Profiler.takePreciseCoverage')
session.disconnect()
server.close()
server.closeAllConnections()
process.stdout.write(JSON.stringify(result.flatMap(calledIn)))

function signed(): RequestInit {
  const { bytes, headers } = signDelivery(eventFixture('red_envelope.sent'), keys)
  return { method: 'POST', headers, body: new Uint8Array(bytes) }
}

async function send(request: RequestInit): Promise<void> {
  const { status } = await fetch(url, request)
  if (status !== 200) throw new Error(`The delivery was answered ${status}.`)
}

function calledIn({ url: script, functions }: (typeof result)[number]): Called[] {
  const [, file] = /\/packages\/([\w-]+\/src\/.+)$/.exec(script) ?? []
  if (file === undefined) return []
  return functions.flatMap(({ functionName: name, ranges: [range] }) =>
    range === undefined || range.count === 0 ? [] : [{ file, name, count: range.count }],
  )
}
