// `pnpm screenshots`: pictures of the inspector for the documents, from a real run: a sandbox, a hongbao
// receiver on port 3000 whose database is down for a while, faults, and a clock that is moved. The fonts
// are Debian's fonts-noto-core and fonts-noto-cjk.
import { createWebhooks } from '@hongbao/core'
import { fetchWebhooks } from '@hongbao/core/fetch'
import { startSandbox } from '@hongbao/sandbox'
import { createAdaptorServer } from '@hono/node-server'
import { once } from 'node:events'
import { statSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { launchChromium } from '../servers/chromium.ts'
import { createEnvelope } from './create-envelope.ts'

const DOCS = fileURLToPath(new URL('../../docs/', import.meta.url))
const MAX_BYTES = 200_000

const sandbox = await startSandbox({ clock: 'virtual', sendWebhooks: 'by-hand' })
const app = await startApp()
sandbox.setTarget('http://localhost:3000/webhooks')
const shown = await play()
const browser = await launchChromium()
for (const locale of ['en', 'zh-CN']) {
  for (const colorScheme of ['light', 'dark'] as const) {
    const page = await browser.newPage({
      locale,
      colorScheme,
      timezoneId: 'Asia/Shanghai',
      viewport: { width: 1366, height: 760 },
    })
    await page.goto(`${sandbox.url}/#open=${shown}`)
    await page.locator('.live:not(.connecting, .reconnecting)').waitFor()
    await page.locator('.verdict').waitFor()
    const path = `${DOCS}inspector-${locale}-${colorScheme}.png`
    await page.screenshot({ path })
    await page.close()
    const { size } = statSync(path)
    if (size > MAX_BYTES) throw new Error(`${path} has ${size} bytes, more than ${MAX_BYTES}.`)
    console.log(`${path}: ${size} bytes`)
  }
}
await browser.close()
await sandbox.close()
app.close()

async function startApp(): Promise<ReturnType<typeof createAdaptorServer>> {
  const { publicKey, clock } = sandbox
  const webhooks = createWebhooks({ publicKey, now: clock.now, logger: false })
  let failures = 6
  webhooks.on('charge.succeeded', () => {})
  webhooks.on('refund.succeeded', () => {})
  webhooks.on('red_envelope.sent', () => {})
  webhooks.on('red_envelope.received', () => {
    failures -= 1
    if (failures >= 0) throw new Error('The database is down.')
  })
  const server = createAdaptorServer({ fetch: fetchWebhooks(webhooks) })
  server.listen(3000, '127.0.0.1')
  await once(server, 'listening')
  return server
}

/** A few orders; returns the id of the event to show. */
async function play(): Promise<string> {
  const { clock, faults } = sandbox
  for (const amount of [880, 1280, 6600]) {
    sandbox.trigger('charge.succeeded', { object: { order_no: `20261201${amount}`, amount } })
    await clock.advance(41_000)
  }
  sandbox.trigger('refund.succeeded')
  await clock.advance(12_000)
  faults.add('tampered-body')
  sandbox.trigger('red_envelope.sent', { object: { order_no: '20261201001', amount: 888 } })
  await clock.advance(73_000)
  const created = await createEnvelope(sandbox, '20261201002')
  if (!created.ok) throw new Error(await created.text())
  await clock.advance(19_000)
  sandbox.move('20261201002', 'sent')
  await clock.advance(52_000)
  faults.add('answer-lost', { attempt: 4 })
  sandbox.move('20261201002', 'received')
  await clock.advance(21 * 60_000)
  sandbox.trigger('red_envelope.sent', { object: { order_no: '20261201003', amount: 1688 } })
  await clock.advance(1000)
  return sandbox.events().find(({ type }) => type === 'red_envelope.received')?.id ?? ''
}
