// An app in a process of its own, for many simultaneous deliveries. It gets its settings as JSON in
// its first argument, prints its port on its output, and ends with its input.
import { createWebhooks } from '@hongbao/core'
import { expressWebhooks } from '@hongbao/express'
import { postgresInbox } from '@hongbao/postgres'
import { redisInbox } from '@hongbao/redis'
import express from 'express'
import { Redis } from 'ioredis'
import { Pool } from 'pg'
import { serve } from '../conformance/host.ts'

/** The settings of the app. */
export interface HerdTask {
  readonly store: 'postgres' | 'redis'
  readonly url: string
  readonly publicKey: string
  /** How long it waits for a connection of its store, or for an answer. */
  readonly patienceMs: number
}

/** Its own report at `GET /report`. */
export interface HerdReport {
  /** How many handlers have run at once, at the most. */
  readonly mostAtOnce: number
  /** Its memory after a garbage collection. */
  readonly heldBytes: number
}

export const POOL_SIZE = 10

let running = 0
let mostAtOnce = 0

/** Counts who runs. */
async function counted(work: () => Promise<unknown>): Promise<void> {
  running += 1
  mostAtOnce = Math.max(mostAtOnce, running)
  try {
    await work()
  } finally {
    running -= 1
  }
}

function openPostgres({ url, publicKey, patienceMs }: HerdTask) {
  const pool = new Pool({
    connectionString: url,
    max: POOL_SIZE,
    // A caller that timed out leaves the queue. Without it pg keeps every caller, 2 kB each, for as long as
    // Postgres does not answer.
    connectionTimeoutMillis: patienceMs,
  })
  const inbox = postgresInbox({ pool, consumer: 'orders' })
  return createWebhooks({ publicKey, inbox, logger: false }).on('*', ({ id }, { tx }) =>
    counted(() => tx.query('insert into effects values ($1)', [id])),
  )
}

async function openRedis({ url, publicKey, patienceMs }: HerdTask) {
  const client = new Redis(url, {
    lazyConnect: true,
    enableOfflineQueue: false,
    maxRetriesPerRequest: 1,
    // Hangs up on a server that does not answer. Without it ioredis keeps every command, 2 kB each,
    // until there is an answer.
    socketTimeout: patienceMs,
  })
  client.on('error', () => {})
  await client.connect()
  // An event whose claim was lost with the connection waits for its lease to end.
  const inbox = redisInbox({
    client,
    consumer: 'orders',
    commandTimeoutMs: patienceMs,
    leaseMs: 3 * patienceMs,
    onWarning() {},
  })
  return createWebhooks({ publicKey, inbox, logger: false }).on('*', ({ id = '' }) =>
    counted(() => client.hincrby('effects', id, 1)),
  )
}

function report(): HerdReport {
  globalThis.gc?.()
  const { heapUsed, arrayBuffers } = process.memoryUsage()
  return { mostAtOnce, heldBytes: heapUsed + arrayBuffers }
}

async function start(task: HerdTask): Promise<void> {
  const webhooks = task.store === 'postgres' ? openPostgres(task) : await openRedis(task)
  const app = express()
  app.post('/webhooks', expressWebhooks(webhooks))
  app.get('/report', (_request, response) => void response.json(report()))
  process.stdout.write(`${(await serve(app)).port}\n`)
}

process.stdin.on('end', () => process.exit()).resume()
if (process.argv[2] !== undefined) await start(JSON.parse(process.argv[2]) as HerdTask)
