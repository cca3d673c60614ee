// Uses the inboxes and the hand-offs as they are installed, loaded by `import` or `require`, core and
// the rest separately, on the given servers: a signed event is applied once, by every
// driver, and when all is closed the process ends by itself. What needs a server that is not given is
// left out: `node apply-once.mjs import require postgres://… [redis://…] [mysql://…]`.
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer } from 'node:http'
import { createRequire } from 'node:module'
import { Queue } from 'bullmq'
import express from 'express'
import { Redis } from 'ioredis'
import { createPool } from 'mysql2/promise'
import { Pool } from 'pg'
import { PgBoss } from 'pg-boss'
import postgres from 'postgres'
import { createClient } from 'redis'

const require = createRequire(import.meta.url)
const load = { import: (name) => import(name), require: async (name) => require(name) }
const [core, rest] = process.argv.slice(2, 4).map((how) => load[how])
const [databaseUrl, ...urls] = process.argv.slice(4)
const [redisUrl, mysqlUrl] = ['redis:', 'mysql:'].map((protocol) =>
  urls.find((url) => url.startsWith(protocol)),
)

const { createWebhooks, InboxError } = await core('@hongbao/core')
const { createTestKeys, eventFixture, signDelivery } = await core('@hongbao/core/testing')
const { expressWebhooks } = await rest('@hongbao/express')
const { postgresInbox } = await rest('@hongbao/postgres')
const { postgresJsPool } = await rest('@hongbao/postgres/postgres-js')
const { redisInbox } = await rest('@hongbao/redis')
const { mysql2Inbox } = await rest('@hongbao/sql/mysql2')
const bullmq = await rest('@hongbao/bullmq')
const pgBoss = await rest('@hongbao/pg-boss')

for (const folder of ['postgres', 'redis', 'sql', 'hand-off', 'bullmq', 'pg-boss']) {
  assert.equal(require(`@hongbao/${folder}/package.json`).name, `@hongbao/${folder}`)
}

const { publicKey, privateKey } = createTestKeys()
const FORGED = '401 {"outcome":"rejected","code":"signature-mismatch"}'
const HANDLED = '200 {"outcome":"handled"}'
const DUPLICATE = '200 {"outcome":"duplicate"}'

const pool = new Pool({ connectionString: databaseUrl })
// No unique key: every second effect shows.
await pool.query('create table effects (envelope_id text)')
const INSERT = 'insert into effects values ($1)'

await tryPg()
await tryPostgresJs()
await tryPgBoss()
if (redisUrl !== undefined) {
  await tryIoredis()
  await tryNodeRedis()
  await tryBullmq()
}
if (mysqlUrl !== undefined) await tryMysql2()
await pool.end()
console.log('All is closed.')

async function tryPg() {
  const inbox = postgresInbox({ pool, consumer: 'orders', table: 'inbox_of_pg' })
  await assert.rejects(
    inbox.ready(),
    (error) => error instanceof InboxError && error.code === 'postgres-table-missing',
  )
  await inbox.ensureSchema()
  await tryInbox('pg', inbox, (id, { tx }) => tx.query(INSERT, [id]))
}

async function tryPostgresJs() {
  const sqlPool = postgresJsPool(() => postgres(databaseUrl, { max: 1, fetch_types: false }))
  const inbox = postgresInbox({ pool: sqlPool, consumer: 'orders', table: 'inbox_of_postgres' })
  await inbox.ensureSchema()
  await tryInbox('postgres', inbox, (id, { tx }) => tx`insert into effects values (${id})`)
  await sqlPool.end()
}

/** Its effects are in its own database. */
async function tryMysql2() {
  const mysqlPool = createPool({ uri: mysqlUrl })
  await mysqlPool.query('create table effects (envelope_id text)')
  const inbox = mysql2Inbox({ pool: mysqlPool, consumer: 'orders' })
  await inbox.ensureSchema()
  await inbox.ready()
  const write = (id, { tx }) => tx.execute('insert into effects values (?)', [id])
  await tryInbox('mysql2', inbox, write, async ({ data }) => {
    const sql = 'select * from effects where envelope_id = ?'
    return (await mysqlPool.query(sql, [data.object.id]))[0].length
  })
  await mysqlPool.end()
}

async function tryIoredis() {
  const client = new Redis(redisUrl)
  await tryInbox('ioredis', redisInbox({ client, consumer: 'orders' }), insertUnderLease)
  await client.quit()
}

async function tryNodeRedis() {
  const client = createClient({ url: redisUrl })
  await client.connect()
  await tryInbox('node-redis', redisInbox({ client, consumer: 'orders' }), insertUnderLease)
  await client.quit()
}

async function tryBullmq() {
  const { port, pathname } = new URL(redisUrl)
  const connection = { host: '127.0.0.1', port: Number(port), db: Number(pathname.slice(1)) }
  const queue = new Queue('hongbao-events', { connection })
  const events = bullmq.bullmqQueue({ connection, attempts: 1, logger: false })
  await tryQueue('bullmq', events)
  const { completed, ...others } = await queue.getJobCounts()
  assert.equal(completed, 1, 'jobs of BullMQ')
  assert.ok(
    Object.values(others).every((count) => count === 0),
    'jobs of BullMQ',
  )
  await queue.close()
}

async function tryPgBoss() {
  const boss = new PgBoss({ connectionString: databaseUrl })
  await boss.start()
  const looks = { pollingIntervalSeconds: 0.5, logger: false }
  await tryQueue('pg_boss', pgBoss.pgBossQueue({ boss, attempts: 1, ...looks }))
  await boss.stop()
}

/** Redis lends no transaction; what it lends is the lease. */
function insertUnderLease(id, { lease }) {
  assert.ok(lease.token > 0 && !lease.isTakeover && !lease.signal.aborted)
  return pool.query(INSERT, [id])
}

async function tryInbox(driver, inbox, write, count = countEffects) {
  const webhooks = createReceiver(inbox)
  webhooks.on('red_envelope.sent', (event, context) => write(event.data.object.id, context))
  const event = eventFixture('red_envelope.sent')
  assert.deepEqual(await deliver(webhooks, event), [FORGED, HANDLED, DUPLICATE], driver)
  await webhooks.close()
  assert.equal(await count(event), 1, `effects by way of ${driver}`)
}

/** The first worker makes a dead letter of the event; it is redriven, and the second one applies it. */
async function tryQueue(broker, queue) {
  await queue.ready()
  // The receiver remembers nothing: it is the queue that takes the repetition for the same job.
  const receiver = queue.receiver({ publicKey, logger: false })
  const event = eventFixture('red_envelope.sent')
  assert.deepEqual(await deliver(receiver, event), [FORGED, HANDLED, HANDLED], broker)
  await receiver.close()

  const inbox = postgresInbox({ pool, consumer: 'orders', table: `inbox_behind_${broker}` })
  await inbox.ensureSchema()
  const failed = Promise.withResolvers()
  const broken = createReceiver(inbox).on('red_envelope.sent', async (_, { tx }) => {
    await tx.query(INSERT, [event.data.object.id])
    throw new Error('Not yet.')
  })
  const options = { logger: false, onDeadLetter: failed.resolve }
  const first = await queue.work(broken, options)
  const told = await failed.promise
  await first.close()
  await broken.close()
  assert.deepEqual(await queue.deadLetters(), [told], broker)
  assert.equal(await countEffects(event), 0, `effects by way of ${broker}, rolled back`)
  assert.equal(await queue.redrive(), 1, broker)

  const applied = Promise.withResolvers()
  const webhooks = createReceiver(inbox, ({ outcome }) => applied.resolve(outcome))
  webhooks.on('red_envelope.sent', ({ data: { object } }, { tx }) => tx.query(INSERT, [object.id]))
  const second = await queue.work(webhooks, options)
  assert.equal(await applied.promise, 'handled', broker)
  await second.close()
  assert.equal((await webhooks.dispatch(event)).outcome, 'duplicate', broker)
  await webhooks.close()
  assert.equal(await countEffects(event), 1, `effects by way of ${broker}`)
  await queue.close()
}

function createReceiver(inbox, onReport = () => {}) {
  return createWebhooks({ publicKey, inbox, onReport, logger: false })
}

/** Delivers by HTTP a forgery, the signed notification, and that again; returns the answers. */
async function deliver(webhooks, event) {
  const app = express().post('/webhooks', expressWebhooks(webhooks))
  const server = createServer(app).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const url = `http://127.0.0.1:${server.address().port}/webhooks`
  const signed = signDelivery(event, { privateKey })
  const forged = { ...signed.init(), body: Buffer.from(signed.text.replace('"sent"', '"fake"')) }
  const answers = []
  for (const init of [forged, signed.init(), signed.init()]) {
    const response = await fetch(url, init)
    answers.push(`${response.status} ${await response.text()}`)
  }
  server.close()
  server.closeAllConnections()
  return answers
}

async function countEffects({ data }) {
  const { rowCount } = await pool.query('select from effects where envelope_id = $1', [
    data.object.id,
  ])
  return rowCount
}
