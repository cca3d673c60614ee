import express from 'express'
import { createHash } from 'node:crypto'
import { createPool, type Pool, type PoolConnection, type RowDataPacket } from 'mysql2/promise'
import { startMariadb } from '../test/servers/mariadb.ts'
import { answerByHand, handWritten } from './by-hand.ts'
import { publicKeyPem, signDeliveries } from './deliveries.ts'
import type { Figure } from './figure.ts'
import {
  expectSameAnswer,
  listen,
  portOf,
  REQUESTS,
  SENT,
  sideBySideOverHttp,
} from './http-load.ts'
import { installed } from './installed.ts'
import { sideBySide } from './side-by-side.ts'

const CONNECTIONS = 10
const BLOCK = 100
const ROUNDS = 60
const WARM_UP_ROUNDS = 10
const EVENTS = BLOCK * (ROUNDS + WARM_UP_ROUNDS)

/** The inbox on MariaDB over mysql2, against the same statements sent by hand. */
export async function measure(): Promise<Figure[]> {
  const server = await startMariadb({ settings: { 'innodb-flush-log-at-trx-commit': 0 } })
  const pool = createPool({ uri: server.url, connectionLimit: CONNECTIONS })
  try {
    const { mysql2Inbox } = await installed('sql/mysql2')
    await mysql2Inbox({ pool, consumer: 'orders' }).ensureSchema()
    await pool.query('create table effects (amount int not null)')
    return [await admissions(pool), await deliveries(pool)]
  } finally {
    await pool.end()
    await server.close()
  }
}

/** Keys claimed and committed with an effect, ten at a time. */
async function admissions(pool: Pool): Promise<Figure> {
  const { mysql2Inbox } = await installed('sql/mysql2')
  const inbox = mysql2Inbox({ pool, consumer: 'orders', cleanUpEverySeconds: false })

  async function ours(round: number): Promise<number> {
    await inTens(BLOCK, (at) => inbox.admit(`ours ${round} ${at}`, ({ tx }) => applyEffect(tx, 1)))
    return BLOCK
  }

  async function theirs(round: number): Promise<number> {
    await inTens(BLOCK, (at) =>
      admitByHand(pool, `theirs ${round} ${at}`, (tx) => applyEffect(tx, 1)),
    )
    return BLOCK
  }

  const result = await sideBySide({ ours, theirs, rounds: ROUNDS, warmUpRounds: WARM_UP_ROUNDS })
  await checkEffects(pool, 2 * EVENTS)
  const note = 'theirs: the same statements by hand'
  return { measure: 'mariadb: admissions', ...result, bar: 0.85, unit: 'per CPU s', note }
}

/** Genuine deliveries to an app with Express, against a handler written by hand on the same statements. */
async function deliveries(pool: Pool): Promise<Figure> {
  const { createWebhooks } = await installed('core')
  const { expressWebhooks } = await installed('express')
  const { mysql2Inbox } = await installed('sql/mysql2')
  const inbox = mysql2Inbox({
    pool,
    consumer: 'orders',
    table: 'deliveries',
    cleanUpEverySeconds: false,
  })
  await inbox.ensureSchema()
  const webhooks = createWebhooks({ publicKey: publicKeyPem, inbox })
  webhooks.on('red_envelope.sent', ({ data }, { tx }) => applyEffect(tx, data.object.amount))
  let round = 0
  const byHand = handWritten(
    () => Promise.resolve(),
    (key, work) =>
      admitByHand(pool, `delivery ${round} ${key}`, async (tx) => {
        await applyEffect(tx, 100)
        await work()
      }),
  )
  const app = express()
  app.post('/webhooks', expressWebhooks(webhooks))
  const appByHand = express()
  appByHand.post('/webhooks', (request, response) => answerByHand(byHand, request, response))
  const ports = { ours: portOf(await listen(app)), theirs: portOf(await listen(appByHand)) }
  await expectSameAnswer(ports, signDeliveries(1))
  const result = await sideBySideOverHttp({
    ...ports,
    requests: signDeliveries(REQUESTS),
    status: 200,
    // The same events come round again later, and must be new ones then.
    beforeTheirs() {
      byHand.forget()
      // Only of the table that is at rest: a row must not go between its insert and its lock.
      round += 1
      void pool.query('truncate deliveries')
    },
  })
  await checkEffects(pool, 2 * (SENT + 1))
  return { measure: 'mariadb: deliveries', ...result, bar: 0.85, unit: 'per CPU s' }
}

// Careful hand-written code for the same job: the same statements, on connections of the pool. It
// lends the connection as it is, and does not name errors.

async function admitByHand(
  pool: Pool,
  key: string,
  work: (tx: PoolConnection) => Promise<void>,
): Promise<void> {
  const id = createHash('sha256').update(`orders:${key}`).digest('hex')
  await pool.query(
    'insert ignore into `hongbao_inbox` (id, created_at) values (?, utc_timestamp(3))',
    [id],
  )
  const connection = await pool.getConnection()
  try {
    await connection.query('set autocommit = 0')
    const [[row]] = await connection.query<RowDataPacket[]>(
      'select pk, case when applied_at is null then 0 else 1 end as applied from `hongbao_inbox` where pk = (select pk from `hongbao_inbox` where id = ?) for update skip locked',
      [id],
    )
    if (row?.['applied'] !== 0) throw new Error('A key was not new.')
    const pk: unknown = row['pk']
    await connection.query(
      'update `hongbao_inbox` set applied_at = utc_timestamp(3), applied_by = connection_id() where pk = ?',
      [pk],
    )
    await work(connection)
    const [marked] = await connection.query<RowDataPacket[]>(
      'select pk, case when applied_at is null then 0 else 1 end as applied from `hongbao_inbox` where pk = ? and applied_by = connection_id()',
      [pk],
    )
    if (marked.length !== 1) throw new Error('It was rolled back.')
    await connection.query('commit')
  } catch (error) {
    await connection.query('rollback')
    throw error
  } finally {
    void connection.query('set autocommit = 1').then(() => connection.release())
  }
  const [[kept]] = await pool.query<RowDataPacket[]>(
    'select pk, case when applied_at is null then 0 else 1 end as applied from `hongbao_inbox` where id = ?',
    [id],
  )
  if (kept?.['applied'] !== 1) throw new Error('It was rolled back.')
}

async function applyEffect(tx: PoolConnection, amount: number): Promise<void> {
  await tx.query('insert into effects (amount) values (?)', [amount])
}

/** The table has no unique key: an effect that was lost and one that was applied twice both show. */
async function checkEffects(pool: Pool, expected: number): Promise<void> {
  const [rows] = await pool.query<RowDataPacket[]>('select count(*) as n from effects')
  await pool.query('delete from effects')
  if (rows[0]?.['n'] !== expected) throw new Error(`${rows[0]?.['n']} effects, not ${expected}.`)
}

async function inTens(count: number, act: (at: number) => Promise<unknown>): Promise<void> {
  for (let at = 0; at < count; at += CONNECTIONS) {
    await Promise.all(Array.from({ length: CONNECTIONS }, (_, offset) => act(at + offset)))
  }
}
