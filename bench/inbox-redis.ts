import express from 'express'
import { randomUUID } from 'node:crypto'
import { Redis } from 'ioredis'
import { freemem } from 'node:os'
import { CLAIM, COMPLETE, RELEASE, RENEW } from '../packages/redis/src/scripts.ts'
import { startRedis, type RedisServer } from '../test/servers/redis.ts'
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

const BLOCK = 100
const ROUNDS = 200
const WARM_UP_ROUNDS = 40
const EVENTS = BLOCK * (ROUNDS + WARM_UP_ROUNDS)
const RETENTION_MS = 604_800_000
const LEASE_MS = 60_000
const COMMAND_TIMEOUT_MS = 1000
const ALLOWED_BYTES_PER_KEY = 220

/** The inbox on Redis, against the same scripts sent by hand; and what remembered keys cost. */
export async function measure(): Promise<Figure[]> {
  const { server, redis } = await open()
  try {
    const figures = [await admissions(redis), await deliveries(redis), ...(await latencies(redis))]
    return [...figures, ...(await atSizes())]
  } finally {
    redis.disconnect()
    await server.close()
  }
}

/** Keys claimed and marked, a hundred at a time. */
async function admissions(redis: Redis): Promise<Figure> {
  const { redisInbox } = await installed('redis')
  const inbox = redisInbox({
    client: redis,
    consumer: 'orders',
    prefix: 'admissions:',
    onWarning() {},
  })
  const keys = Array.from({ length: BLOCK }, (_, at) => `${at}`)
  let applied = 0
  const work = async (): Promise<void> => void (applied += 1)

  async function ours(round: number): Promise<number> {
    await Promise.all(keys.map((key) => inbox.admit(`${round} ${key}`, work)))
    return BLOCK
  }

  async function theirs(round: number): Promise<number> {
    await Promise.all(keys.map((key) => admitByHand(redis, `by hand:{${round} ${key}}`, work)))
    return BLOCK
  }

  const result = await sideBySide({ ours, theirs, rounds: ROUNDS, warmUpRounds: WARM_UP_ROUNDS })
  if (applied !== 2 * EVENTS) throw new Error('Not every key was applied once.')
  const note = 'theirs: the same scripts by hand, with the same deadlines'
  return { measure: 'redis: admissions', ...result, bar: 0.85, unit: 'per CPU s', note }
}

/** Genuine deliveries to an app with Express, against a handler written by hand on the same scripts. */
async function deliveries(redis: Redis): Promise<Figure> {
  const { createWebhooks } = await installed('core')
  const { expressWebhooks } = await installed('express')
  const { redisInbox } = await installed('redis')
  const applied = { ours: 0, theirs: 0 }
  const inbox = redisInbox({
    client: redis,
    consumer: 'orders',
    prefix: 'deliveries:',
    onWarning() {},
  })
  const webhooks = createWebhooks({ publicKey: publicKeyPem, inbox })
  webhooks.on('red_envelope.sent', async () => void (applied.ours += 1))
  const byHand = handWritten(
    async () => void (applied.theirs += 1),
    (key, work) => admitByHand(redis, `by hand:{${key}}`, work),
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
      void redis.flushall('ASYNC')
    },
  })
  if (applied.ours !== SENT + 1 || applied.theirs !== SENT + 1) {
    throw new Error(`Of ${SENT + 1} events, ${JSON.stringify(applied)} were applied.`)
  }
  return { measure: 'redis: deliveries', ...result, bar: 0.85, unit: 'per CPU s' }
}

/** Two round trips to a Redis on this machine. */
async function latencies(redis: Redis): Promise<Figure[]> {
  const { redisInbox } = await installed('redis')
  const inbox = redisInbox({ client: redis, consumer: 'orders', prefix: 'alone:', onWarning() {} })
  return compareAlone({
    store: 'redis',
    count: EVENTS,
    ours: (at) => inbox.admit(`${at}`, () => Promise.resolve()),
    theirs: (at) => admitByHand(redis, `alone by hand:{${at}}`, () => Promise.resolve()),
  })
}

/** The cost of a claim and of a key in a Redis that remembers many, beside one that remembers few. */
async function atSizes(): Promise<Figure[]> {
  const few = await openWith(10_000)
  const figures: Figure[] = []
  try {
    for (const [size, label] of sizes()) figures.push(...(await atSize(few.redis, size, label)))
  } finally {
    few.redis.disconnect()
    await few.server.close()
  }
  return figures
}

/** Ten million only if there is room for them, and for the tables while they grow. */
function sizes(): readonly (readonly [size: number, label: string])[] {
  const million = [1_000_000, '1M'] as const
  return freemem() > 5 * 2 ** 30 ? [million, [10_000_000, '10M']] : [million]
}

async function atSize(few: Redis, size: number, label: string): Promise<Figure[]> {
  const { server, redis: many, bytesPerKey } = await openWith(size)
  try {
    const rounds: { few: number; many: number }[] = []
    for (let round = 0; round < 40; round += 1) {
      rounds.push({ few: await costOfClaims(few), many: await costOfClaims(many) })
    }
    return [
      {
        measure: `redis: claim at ${label} keys`,
        ours: median(rounds.map((round) => round.many)),
        theirs: median(rounds.map((round) => round.few)),
        ratio: median(rounds.map((round) => round.few / round.many)),
        bar: 0.85,
        unit: 'µs',
        note: 'theirs: at 10k; in Redis',
      },
      withinAllowance(
        `redis: bytes per key at ${label}`,
        bytesPerKey,
        ALLOWED_BYTES_PER_KEY,
        'bytes',
        '82 of them are its name',
      ),
    ]
  } finally {
    many.disconnect()
    await server.close()
  }
}

/**
 * What Redis itself counts for a claim, in microseconds. All at once: for one at a time it counts a
 * fifth more if the scheduler has put that Redis on the other core.
 */
async function costOfClaims(redis: Redis): Promise<number> {
  await redis.call('CONFIG', 'RESETSTAT')
  const claims = Array.from({ length: 500 }, () =>
    redis.evalsha(CLAIM.sha1, 1, nameOf(randomUUID()), 'owner', RETENTION_MS, 0, 0, LEASE_MS),
  )
  await Promise.all(claims)
  const stats = await redis.info('commandstats')
  return Number(/cmdstat_evalsha:.*?usec_per_call=([\d.]+)/.exec(stats)?.[1])
}

async function open(): Promise<{ readonly server: RedisServer; readonly redis: Redis }> {
  const server = await startRedis({ settings: { appendonly: 'no' } })
  const redis = new Redis(server.url)
  for (const { source } of [CLAIM, COMPLETE, RELEASE, RENEW]) await redis.script('LOAD', source)
  return { server, redis }
}

/** A Redis that remembers so many keys, and whose tables are done growing. */
async function openWith(keys: number) {
  const { server, redis } = await open()
  const before = await usedBytes(redis)
  await forKeys(redis, keys, `redis.call('SET', key, '1795557838727000', 'PX', ${RETENTION_MS})`)
  // A table that grew is moved little by little, as its keys are looked up.
  await forKeys(redis, keys, `redis.call('GET', key)`)
  const bytesPerKey = ((await usedBytes(redis)) - before) / keys
  return { server, redis, bytesPerKey }
}

async function forKeys(redis: Redis, count: number, act: string): Promise<void> {
  const key = nameOf('red_%024d')
  const script = `for at = ARGV[1], ARGV[2] do local key = string.format('${key}', at) ${act} end`
  for (let start = 0; start < count; start += 10_000) {
    await redis.eval(script, 0, start, start + 9999)
  }
}

function nameOf(id: string): string {
  return `hongbao:{app_1Gqj58ynP0mHeX1q:live:red_envelope.sent:${id}}:orders`
}

async function usedBytes(redis: Redis): Promise<number> {
  return Number(/used_memory:(\d+)/.exec(await redis.info('memory'))?.[1])
}

// Careful hand-written code for the same job: the same scripts with a deadline for each
// command and a lease that is renewed. It does not check the answers, does without NOSCRIPT, and a mark that
// fails is an error.

async function admitByHand(redis: Redis, key: string, work: () => Promise<void>): Promise<void> {
  const owner = randomUUID()
  const ask = <Reply>(reply: Promise<unknown>): Promise<Reply> =>
    withDeadline(reply as Promise<Reply>, COMMAND_TIMEOUT_MS)
  const [outcome, token] = await ask<[number, number]>(
    redis.evalsha(CLAIM.sha1, 1, key, owner, RETENTION_MS, 0, 0, LEASE_MS),
  )
  if (outcome < 1) throw new Error('A key was not new.')
  const timer = setInterval(() => {
    void ask(redis.evalsha(RENEW.sha1, 1, key, owner, RETENTION_MS, token, 0, LEASE_MS))
  }, LEASE_MS / 3)
  try {
    await work()
  } catch (error) {
    await ask(redis.evalsha(RELEASE.sha1, 1, key, owner, RETENTION_MS))
    throw error
  } finally {
    clearInterval(timer)
  }
  const marked = await ask(redis.evalsha(COMPLETE.sha1, 1, key, owner, RETENTION_MS, token))
  if (marked !== 1) throw new Error('A key was lost.')
}
