import { createVerify } from 'node:crypto'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { publicKeyPem, signDeliveries } from './deliveries.ts'
import type { Figure } from './figure.ts'
import { listen, MAX_KEYS, portOf, REQUESTS, sideBySideOverHttp } from './http-load.ts'
import { installed } from './installed.ts'

/**
 * hongbao on `node:http` against what Ping++ publishes for Node: the receiver of the guide (step 4),
 * with the verification of `webhooks_verify.js` from the `pingpp` SDK's examples put into it.
 */
export async function measure(): Promise<Figure[]> {
  const { createWebhooks, memoryInbox } = await installed('core')
  const { nodeWebhooks } = await installed('core/node')
  const directory = mkdtempSync(join(tmpdir(), 'hongbao-bench-'))
  const keyPath = join(directory, 'pingpp_rsa_public_key.pem')
  writeFileSync(keyPath, publicKeyPem)

  const inbox = memoryInbox({ maxKeys: MAX_KEYS, onWarning() {} })
  const webhooks = createWebhooks({ publicKey: publicKeyPem, inbox })
  webhooks.on('red_envelope.sent', async () => {})
  const ours = portOf(await listen(nodeWebhooks(webhooks)))
  const theirs = portOf(await listen(publishedSample(keyPath)))
  try {
    const requests = signDeliveries(REQUESTS)
    const result = await sideBySideOverHttp({ ours, theirs, requests, status: 200 })
    return [{ measure: 'node vs published sample', ...result, bar: 1.8, unit: 'per CPU s' }]
  } finally {
    rmSync(directory, { recursive: true, force: true })
  }
}

/**
 * The published code as it stands but for two changes: the case that it answers is a red envelope's,
 * and it verifies. It remembers nothing, has no limit and awaits no handler.
 */
function publishedSample(keyPath: string) {
  return function receive(req: IncomingMessage, res: ServerResponse): void {
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
      if (!verifySignature(postData, signature, keyPath)) return resp('verification failed', 401)
      try {
        const event = JSON.parse(postData)
        if (event.type === undefined) return resp('Event 对象中缺少 type 字段', 400)
        switch (event.type) {
          case 'red_envelope.sent':
            // 开发者在此处加入对支付异步通知的处理代码
            return resp('OK', 200)
          default:
            return resp('未知 Event 类型', 400)
        }
      } catch {
        return resp('JSON 解析失败', 400)
      }
    })
  }
}

function verifySignature(rawData: string, signature: string, keyPath: string): boolean {
  const verifier = createVerify('RSA-SHA256').update(rawData, 'utf8')
  const key = readFileSync(keyPath, 'utf8')
  return verifier.verify(key, signature, 'base64')
}
