import { checkWebhook, type WebhookCheck } from '@hongbao/sandbox'
import { createTestKeys } from '@hongbao/core/testing'
import { once } from 'node:events'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { loadVerifier } from './published-verifier.ts'

const keys = createTestKeys()
const directory = mkdtempSync(join(tmpdir(), 'hongbao-doctor-'))
const keyFile = join(directory, 'pingpp_rsa_public_key.pem')
let server: Server
let target = ''
let applied = 0

beforeAll(async () => {
  writeFileSync(keyFile, keys.publicKey)
  server = createServer(receive).listen(0, '127.0.0.1')
  await once(server, 'listening')
  target = `http://127.0.0.1:${(server.address() as AddressInfo).port}/webhooks`
})
afterAll(() => {
  server.close()
  rmSync(directory, { recursive: true })
})

describe("checkWebhook on Ping++'s published sample", () => {
  it('finds that it verifies raw bytes, but knows one event type only', async () => {
    const checks = await checkWebhook({ target, privateKey: keys.privateKey })
    expect(verdicts(checks)).toEqual({
      genuine: 'pass',
      forged: 'pass',
      tampered: 'pass',
      'duplicate-at-once': 'unknown',
      'duplicate-later': 'unknown',
      'answer-dropped': 'unknown',
      'received-before-sent': 'fail',
      'large-body': 'pass',
      'formatted-body': 'pass',
    })
  })

  it('finds that it applies each duplicate, once it is counted', async () => {
    const effects = () => applied
    const checks = await checkWebhook({ target, privateKey: keys.privateKey, effects })
    expect(verdicts(checks)).toMatchObject({
      'duplicate-at-once': 'fail',
      'duplicate-later': 'fail',
      'answer-dropped': 'fail',
    })
  })

  it('says that the key is another one if all that is genuine is refused', async () => {
    const other = createTestKeys()
    const [genuine] = await checkWebhook({ target, privateKey: other.privateKey })
    expect(genuine).toMatchObject({ verdict: 'fail', statuses: [401] })
  })
})

function verdicts(checks: readonly WebhookCheck[]): Record<string, string> {
  return Object.fromEntries(checks.map(({ name, verdict }) => [name, verdict]))
}

// Ping++'s own, from the published file.
const verifySignature = loadVerifier()

/** The receiver of the guide (step 4) with that verification put in, for one event of a red envelope. */
function receive(req: IncomingMessage, res: ServerResponse): void {
  req.setEncoding('utf8')
  let postData = ''
  req.addListener('data', (chunk: string) => {
    postData += chunk
  })
  req.addListener('end', () => {
    const resp = (ret: string, statusCode: number): void => {
      res.writeHead(statusCode, { 'Content-Type': 'text/plain; charset=utf-8' })
      res.end(ret)
    }
    const signature = String(req.headers['x-pingplusplus-signature'])
    if (!verifySignature(postData, signature, keyFile)) return resp('verification failed', 401)
    const event = JSON.parse(postData) as { type: string }
    if (event.type !== 'red_envelope.sent') return resp('未知 Event 类型', 400)
    applied += 1
    return resp('OK', 200)
  })
}
