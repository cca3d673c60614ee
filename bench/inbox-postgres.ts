import express from 'express'
import { randomUUID } from 'node:crypto'
import { freemem } from 'node:os'
import { Pool } from 'pg'
import { lockOf, storeKey } from '../packages/postgres/src/key.ts'
import { readTable } from '../packages/core/src/options/table.ts'
import { beginFor, commitStatements } from '../packages/postgres/src/transaction/transaction.ts'
import { startPostgres } from '../test/servers/postgres.ts'
import { compareAlone } from './alone.ts'
import { answerByHand, handWritten } from './by-hand.ts'
import { publicKeyPem, signDeliveries } from './deliveries.ts'
import { withinAllowance, type Figure } from './figure.ts'
import {
  expectSameAnswer,
  listen,
  portOf,
  REQUESTS,
  SENT,
  sideBySideOverHttp,
} from './http-load.ts'
import { installed } from './installed.ts'
import { median, sideBySide } from './side-by-side.ts'
import { withDeadline } from './with-deadline.ts'

const CONNECTIONS = 10
const BLOCK = 100
const ROUNDS = 120
const WARM_UP_ROUNDS = 20
const EVENTS = BLOCK * (ROUNDS + WARM_UP_ROUNDS)
const COMMAND_TIMEOUT_MS = 1500
const ALLOWED_BYTES_PER_KEY = 160
/** What ten million keys take on the disk, with room for what Postgres writes meanwhile. */
const MEMORY_FOR_TEN_MILLION = 6 * 2 ** 30

/**
 * The inbox on Postgres, against the same statements sent by hand; and what remembered keys cost.
 * Postgres does not wait for the disk (`fsync = off`): a disk would hide what is to be measured.
 */
export async function measure(): Promise<Figure[]> {
  const settings = { shared_buffers: '1GB', max_wal_size: '16GB', checkpoint_timeout: '1h' }
  const server = await startPostgres({ settings })
  const pool = new Pool({ connectionString: server.url, max: CONNECTIONS })
  try {
    const { postgresInbox } = await installed('postgres')
    await postgresInbox({ pool, consumer: 'orders' }).ensureSchema()
    await pool.query('create table effects (amount int not null)')
    const figures = [await admissions(pool), await deliveries(pool), ...(await latencies(pool))]
    return [...figures, await duplicatesAtOnce(pool), ...(await atSize(pool))]
  } finally {
    await pool.end()
    await server.close()
  }
}

/** Keys claimed and committed with an effect, ten at a time. */
async function admissions(pool: Pool): Promise<Figure> {
  const { postgresInbox } = await installed('postgres')
  const inbox = postgresInbox({ pool, consumer: 'orders', cleanUpEverySeconds: false })

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
  const note = 'theirs: the same statements by hand, with the same deadlines'
  return { measure: 'postgres: admissions', ...result, bar: 0.85, unit: 'per CPU s', note }
}

/** Genuine deliveries to an app with Express, against a handler written by hand on the same statements. */
async function deliveries(pool: Pool): Promise<Figure> {
  const { createWebhooks } = await installed('core')
  const { expressWebhooks } = await installed('express')
  const { postgresInbox } = await installed('postgres')
  const inbox = postgresInbox({
    pool,
    consumer: 'orders',
    table: 'deliveries',
    cleanUpEverySeconds: false,
  })
  await inbox.ensureSchema()
  const webhooks = createWebhooks({ publicKey: publicKeyPem, inbox })
  webhooks.on('red_envelope.sent', ({ data }, { tx }) => applyEffect(tx, data.object.amount))
  const byHand = handWritten(
    () => Promise.resolve(),
    (key, work) =>
      admitByHand(pool, key, async (tx) => {
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
      void pool.query('truncate hongbao_inbox, deliveries')
    },
  })
  await checkEffects(pool, 2 * (SENT + 1))
  return { measure: 'postgres: deliveries', ...result, bar: 0.85, unit: 'per CPU s' }
}

/** Two round trips to a Postgres on this machine. */
async function latencies(pool: Pool): Promise<Figure[]> {
  const { postgresInbox } = await installed('postgres')
  const inbox = postgresInbox({ pool, consumer: 'orders', cleanUpEverySeconds: false })
  return compareAlone({
    store: 'postgres',
    count: EVENTS / 2,
    ours: (at) => inbox.admit(`alone ${at}`, () => Promise.resolve()),
    theirs: (at) => admitByHand(pool, `alone by hand ${at}`, () => Promise.resolve()),
  })
}

/** A hundred duplicates at once on ten connections, one of which the handler holds. */
async function duplicatesAtOnce(pool: Pool): Promise<Figure> {
  const { postgresInbox } = await installed('postgres')
  const inbox = postgresInbox({ pool, consumer: 'orders', cleanUpEverySeconds: false })
  const times: number[] = []
  for (let round = 0; round < 20; round += 1) {
    const startedMs = performance.now()
    const told = Promise.withResolvers<void>()
    let busy = 0
    const deliveriesAtOnce = Array.from({ length: 100 }, async () => {
      const admission = await inbox.admit(`duplicates ${round}`, async ({ tx }) => {
        await applyEffect(tx, 1)
        await told.promise
      })
      if (admission === 'busy') busy += 1
      if (busy === 99) told.resolve()
    })
    await told.promise
    times.push(performance.now() - startedMs)
    await Promise.all(deliveriesAtOnce)
  }
  const note = 'until 99 were told so, while the handler runs on one of ten connections'
  return withinAllowance('postgres: 100 duplicates at once', median(times), 250, 'ms', note)
}

/** The cost of a claim and of a key, as there are more of them. */
async function atSize(pool: Pool): Promise<Figure[]> {
  const figures: Figure[] = []
  await fill(pool, 'few', 10_000)
  for (const [table, size, label] of sizes()) {
    await fill(pool, table, size)
    figures.push(await claims(pool, table, label), await bytesPerKey(pool, table, size, label))
    await pool.query(`drop table ${table}`)
  }
  return figures
}

function sizes(): [table: string, size: number, label: string][] {
  const all: [string, number, string][] = [
    ['many', 1_000_000, '1M'],
    ['most', 10_000_000, '10M'],
  ]
  return freemem() > MEMORY_FOR_TEN_MILLION ? all : all.slice(0, 1)
}

/** Applied keys, as the inbox leaves them: inserted in no order of theirs, with the indexes in place. */
async function fill(pool: Pool, table: string, size: number): Promise<void> {
  const { schemaSql } = await installed('postgres')
  await pool.query(schemaSql(table))
  await pool.query(
    `insert into ${table} select gen_random_uuid(),
      clock_timestamp() - make_interval(secs => ($1 - n) * 2592000.0 / $1) from generate_series(1, $1::int) n`,
    [size],
  )
  await pool.query(`vacuum analyze ${table}`)
}

/** Claims in the small table and in the large one, by turns: what the machine does meets both. */
async function claims(pool: Pool, table: string, label: string): Promise<Figure> {
  const { postgresInbox } = await installed('postgres')
  const [few, many] = ['few', table].map((name) =>
    postgresInbox({ pool, consumer: 'orders', table: name, cleanUpEverySeconds: false }),
  )
  const rounds: { few: number; many: number }[] = []
  for (let round = 0; round < ROUNDS; round += 1) {
    rounds.push({ few: await microseconds(few), many: await microseconds(many) })
  }
  const [ours, theirs] = [rounds.map((each) => each.many), rounds.map((each) => each.few)]
  return {
    measure: `postgres: claim at ${label} keys`,
    ours: median(ours),
    theirs: median(theirs),
    ratio: median(rounds.map((each) => each.few / each.many)),
    bar: 0.85,
    unit: 'µs',
    note: 'theirs: with 10k keys; begin, claim, commit',
  }
}

interface AnyInbox {
  admit(key: string, work: () => Promise<void>): Promise<unknown>
}

/** Per claim of a new key, one at a time. */
async function microseconds(inbox: AnyInbox | undefined): Promise<number> {
  const startedMs = performance.now()
  for (let at = 0; at < BLOCK; at += 1) await inbox?.admit(randomUUID(), () => Promise.resolve())
  return ((performance.now() - startedMs) * 1000) / BLOCK
}

async function bytesPerKey(
  pool: Pool,
  table: string,
  size: number,
  label: string,
): Promise<Figure> {
  const { rows } = await pool.query<{ bytes: string }>(
    'select pg_total_relation_size($1::regclass)::text as bytes',
    [table],
  )
  return withinAllowance(
    `postgres: bytes per key at ${label}`,
    Number(rows[0]?.bytes) / size,
    ALLOWED_BYTES_PER_KEY,
    'bytes',
    'table and both indexes',
  )
}

// Careful hand-written code for the same job: the same statements on a connection of the
// pool, with a deadline for each. It does not check the answers, lends the connection as it is, and
// returns a broken one to the pool.

async function admitByHand(
  pool: Pool,
  key: string,
  work: (tx: Tx) => Promise<void>,
): Promise<void> {
  const client = await withDeadline(pool.connect(), COMMAND_TIMEOUT_MS)
  const ask = <Reply>(text: string): Promise<Reply> =>
    withDeadline(client.query(text) as Promise<unknown> as Promise<Reply>, COMMAND_TIMEOUT_MS)
  try {
    const claim = await ask<{ rows: { state: string }[] }[]>(
      begin(storeKey(key, KEYS), COMMAND_TIMEOUT_MS),
    )
    const state = claim.at(-1)?.rows[0]?.state ?? ''
    if (!/^\d+$/.test(state)) throw new Error('A key was not new.')
    await work(client)
    const [, end] = await ask<{ command: string }[]>(commitStatements(state))
    if (end?.command !== 'COMMIT') throw new Error('It was rolled back.')
  } catch (error) {
    await ask('rollback')
    throw error
  } finally {
    client.release()
  }
}

const KEYS = { consumer: 'orders', tableLock: lockOf('hongbao_inbox'), readUnnamedKeys: false }
const begin = beginFor({
  table: readTable(),
  isolation: 'read committed',
  lockTimeoutMs: 2000,
  transactionTimeoutMs: 30_000,
})

interface Tx {
  query(text: string, values: unknown[]): Promise<unknown>
}

async function applyEffect(tx: Tx, amount: number): Promise<void> {
  await tx.query('insert into effects (amount) values ($1)', [amount])
}

/** The table has no unique key: an effect that was lost and one that was applied twice both show. */
async function checkEffects(pool: Pool, expected: number): Promise<void> {
  const { rowCount } = await pool.query('delete from effects')
  if (rowCount !== expected) throw new Error(`${rowCount} effects, and not ${expected}.`)
}

async function inTens(count: number, act: (at: number) => Promise<unknown>): Promise<void> {
  for (let at = 0; at < count; at += CONNECTIONS) {
    await Promise.all(Array.from({ length: CONNECTIONS }, (_, offset) => act(at + offset)))
  }
}
