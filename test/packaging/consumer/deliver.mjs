// Loads the installed packages by `import` or `require`, core and adapters separately, mounts each
// adapter on its framework, and delivers a signed notification, its repetition and a forgery; then
// runs the whole loop: a client, a sandbox, and an app that receives webhooks.
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer } from 'node:http'
import { createRequire } from 'node:module'
import { NestFactory } from '@nestjs/core'
import express from 'express'
import fastify from 'fastify'
import { Hono } from 'hono'
import Koa from 'koa'

const require = createRequire(import.meta.url)
const load = { import: (name) => import(name), require: async (name) => require(name) }
const [core, adapters] = process.argv.slice(2).map((how) => load[how])

const { createWebhooks, memoryInbox, WebhookError, OptionError, unlisted } =
  await core('@hongbao/core')
const { createTestKeys, eventFixture, signDelivery } = await core('@hongbao/core/testing')
const { nodeWebhooks } = await adapters('@hongbao/core/node')
const { fetchWebhooks } = await adapters('@hongbao/core/fetch')
const { lambdaWebhooks } = await adapters('@hongbao/core/lambda')
const { expressWebhooks } = await adapters('@hongbao/express')
const { koaWebhooks } = await adapters('@hongbao/koa')
const { fastifyWebhooks } = await adapters('@hongbao/fastify')
const { honoWebhooks } = await adapters('@hongbao/hono')
const { HongbaoModule, OnWebhook, WEBHOOKS } = await adapters('@hongbao/nest')
const { createPingppClient, createReconciler } = await adapters('@hongbao/client')
const { startSandbox } = await adapters('@hongbao/sandbox')

for (const name of [createWebhooks, memoryInbox, WebhookError, OptionError, unlisted]) {
  assert.equal(typeof name, 'function')
}
for (const folder of ['core', 'express', 'koa', 'fastify', 'hono', 'nest', 'client', 'sandbox']) {
  assert.equal(require(`@hongbao/${folder}/package.json`).name, `@hongbao/${folder}`)
}

const keys = createTestKeys()

// [F22] The ES and the CommonJS copy of core know what was declared through the other.
for (const copy of Object.values(load)) {
  const lines = []
  const logger = { warn: (line) => void lines.push(line), error: (line) => void lines.push(line) }
  const { unlisted: declare } = await copy('@hongbao/core')
  const webhooks = createWebhooks({ publicKey: keys.publicKey, logger })
  webhooks.on(declare('coupon.created'), () => {})
  assert.deepEqual(lines, [])
}

function createReceiver() {
  const heard = []
  const webhooks = createWebhooks({ publicKey: keys.publicKey, logger: false })
  webhooks.on('red_envelope.sent', ({ data: { object } }) => void heard.push(object.subject))
  return { webhooks, heard }
}

/** Hosts on `node:http`: how each makes a listener of a receiver. */
const hosts = {
  node: (webhooks) => nodeWebhooks(webhooks, { path: '/webhooks' }),
  express: (webhooks) => express().post('/webhooks', expressWebhooks(webhooks)),
  koa: (webhooks) => new Koa().use(koaWebhooks(webhooks, { path: '/webhooks' })).callback(),
}

for (const [host, mount] of Object.entries(hosts)) {
  const { webhooks, heard } = createReceiver()
  const server = createServer(mount(webhooks)).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const url = `http://127.0.0.1:${server.address().port}/webhooks`
  await deliver(host, heard, (init) => fetch(url, init))
  server.close()
  server.closeAllConnections()
}

{
  const { webhooks, heard } = createReceiver()
  const app = fastify()
  await app.register(fastifyWebhooks, { webhooks, path: '/webhooks' })
  const url = await app.listen({ port: 0, host: '127.0.0.1' })
  await deliver('fastify', heard, (init) => fetch(`${url}/webhooks`, init))
  await app.close()
}

{
  const { webhooks, heard } = createReceiver()
  const app = new Hono().post('/webhooks', honoWebhooks(webhooks))
  await deliver('hono', heard, (init) => app.request('/webhooks', init))
}

{
  const { webhooks, heard } = createReceiver()
  const POST = fetchWebhooks(webhooks)
  await deliver('fetch', heard, (init) => POST(new Request('http://localhost/webhooks', init)))
}

{
  const { webhooks, heard } = createReceiver()
  const handler = lambdaWebhooks(webhooks)
  await deliver('lambda', heard, async ({ method, headers, body }) => {
    const event = { requestContext: { http: { method } }, headers, isBase64Encoded: true }
    const result = await handler({ ...event, body: Buffer.from(body).toString('base64') })
    return new Response(result.body, { status: result.statusCode })
  })
}

// Without an HTTP server, which would take one of Nest's platforms.
{
  const heard = []
  class Handlers {
    onSent({ data: { object } }) {
      heard.push(object.subject)
    }
  }
  const method = Object.getOwnPropertyDescriptor(Handlers.prototype, 'onSent')
  OnWebhook('red_envelope.sent')(Handlers.prototype, 'onSent', method)
  const root = {
    module: function AppModule() {},
    imports: [HongbaoModule.forRoot({ publicKey: keys.publicKey, logger: false })],
    providers: [Handlers],
  }
  const app = await NestFactory.createApplicationContext(root, { logger: false })
  const POST = fetchWebhooks(app.get(WEBHOOKS))
  await deliver('nest', heard, (init) => POST(new Request('http://localhost/webhooks', init)))
  await app.close()
}

// An error made by one copy of core is understood by another.
{
  const { webhooks } = createReceiver()
  const app = express().use(express.json()).post('/webhooks', expressWebhooks(webhooks))
  const server = app.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const signed = signDelivery(eventFixture('red_envelope.sent'), keys)
  const response = await fetch(`http://127.0.0.1:${server.address().port}/webhooks`, signed.init())
  assert.deepEqual(
    [response.status, await response.text()],
    [500, '{"outcome":"failed","code":"body-consumed"}'],
  )
  server.close()
  server.closeAllConnections()
}

// Client and sandbox, with the receiver of this module system: create, query, receive, query again.
{
  const sandbox = await startSandbox({ clock: 'virtual', merchantPublicKey: keys.publicKey })
  const client = createPingppClient({
    apiKey: sandbox.apiKey,
    privateKey: keys.privateKey,
    publicKey: sandbox.publicKey,
    baseUrl: sandbox.url,
  })
  const heard = []
  const webhooks = createWebhooks({ publicKey: sandbox.publicKey, logger: false })
  for (const step of ['red_envelope.sent', 'red_envelope.received']) {
    webhooks.on(step, ({ type }, { source }) => void heard.push(`${source} ${type}`))
  }
  sandbox.setTarget(fetchWebhooks(webhooks))
  const { id, status } = await client.redEnvelopes.create({
    app: { id: 'app_1Gqj58ynP0mHeX1q' },
    channel: 'wx_pub',
    order_no: '123456789',
    amount: 100,
    currency: 'cny',
    recipient: 'o9zpMs7Xk9e9aJbTXgufovuWGp7c',
    subject: '新年红包',
    body: '恭喜发财',
    description: '春节活动',
    extra: { send_name: '红包商店' },
  })
  assert.equal(status, 'sending')
  await client.redEnvelopes.retrieve(id)
  await sandbox.clock.settled()
  sandbox.setTarget(undefined)
  sandbox.move(id, 'received')
  await createReconciler({ pingpp: client, webhooks, app: 'app_1Gqj58ynP0mHeX1q' }).run()
  assert.deepEqual(heard, ['webhook red_envelope.sent', 'poll red_envelope.received'])
  await sandbox.close()
}

async function deliver(host, heard, send) {
  const subject = '新年红包 🧧'
  const signed = signDelivery(eventFixture('red_envelope.sent', { object: { subject } }), keys)
  const genuine = signed.init()
  const forged = { ...signed.init(), body: Buffer.from(signed.text.replace('新年', '假的')) }
  assert.deepEqual(
    await answer(send(forged)),
    [401, '{"outcome":"rejected","code":"signature-mismatch"}'],
    `${host}, forged`,
  )
  assert.deepEqual(heard, [], `${host}, forged`)
  assert.deepEqual(await answer(send(genuine)), [200, '{"outcome":"handled"}'], `${host}, genuine`)
  assert.deepEqual(await answer(send(genuine)), [200, '{"outcome":"duplicate"}'], `${host}, again`)
  assert.deepEqual(heard, [subject], `${host}, handlers`)
}

async function answer(sent) {
  const response = await sent
  return [response.status, await response.text()]
}
