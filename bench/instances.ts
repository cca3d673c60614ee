import { fork, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { Redis } from 'ioredis'
import { availableParallelism } from 'node:os'
import { fileURLToPath } from 'node:url'
import { openPool, startPostgres } from '../test/servers/postgres.ts'
import { startRedis } from '../test/servers/redis.ts'
import { publicKeyPem, signDeliveries } from './deliveries.ts'
import type { Figure } from './figure.ts'
import { toHttp, type Volley, type VolleyResult } from './http-load.ts'
import type { InstanceSettings } from './instance.ts'
import { median } from './side-by-side.ts'

const BLOCK = 400
const ROUNDS = 20
const WARM_UP_ROUNDS = 4

/**
 * What one more instance adds: deliveries per second of two app processes on one store, against one.
 * By the wall clock, because the work is in several processes; so the figure depends as much on the
 * cores of the machine, which store and sender use too.
 */
export async function measure(): Promise<Figure[]> {
  return [await onPostgres(), await onRedis()]
}

async function onPostgres(): Promise<Figure> {
  const server = await startPostgres({ settings: { shared_buffers: '256MB' } })
  const pool = openPool({ connectionString: server.url, max: 2 })
  try {
    await pool.query('create table effects (amount int not null)')
    return await compare('postgres', { publicKeyPem, postgresUrl: server.url }, async () => {
      const { rows } = await pool.query<{ count: string }>('select count(*) from effects')
      await pool.query('truncate hongbao_inbox, effects')
      return Number(rows[0]?.count)
    })
  } finally {
    await pool.end()
    await server.close()
  }
}

async function onRedis(): Promise<Figure> {
  const server = await startRedis({ settings: { appendonly: 'no' } })
  const redis = new Redis(server.url)
  try {
    return await compare('redis', { publicKeyPem, redisUrl: server.url }, async () => {
      const count = Number(await redis.get('effects'))
      await redis.flushall()
      return count
    })
  } finally {
    redis.disconnect()
    await server.close()
  }
}

/** `reset` empties the store and returns how many effects it held. */
async function compare(
  store: string,
  settings: InstanceSettings,
  reset: () => Promise<number>,
): Promise<Figure> {
  const instances = [await startInstance(settings), await startInstance(settings)]
  const sender = startChild('load-client.ts')
  sender.send(signDeliveries(BLOCK).map(toHttp))
  const speeds: { one: number; two: number }[] = []
  try {
    for (let round = 0; round < WARM_UP_ROUNDS + ROUNDS; round += 1) {
      const one = await fire(sender, instances.slice(0, 1), reset)
      const two = await fire(sender, instances, reset)
      if (round >= WARM_UP_ROUNDS) speeds.push({ one, two })
    }
  } finally {
    for (const { child } of instances) child.kill()
    sender.kill()
  }
  return {
    measure: `${store}: one more instance`,
    ours: median(speeds.map(({ two }) => two)),
    theirs: median(speeds.map(({ one }) => one)),
    ratio: median(speeds.map(({ one, two }) => two / one)),
    bar: 0.9,
    unit: 'per s',
    note: `two app processes against one; ${availableParallelism()} cores for them, the store and the sender`,
  }
}

/** Deliveries per second, each of which must have its effect. */
async function fire(
  sender: ChildProcess,
  instances: readonly Instance[],
  reset: () => Promise<number>,
): Promise<number> {
  const count = BLOCK / instances.length
  const answers = receive(sender, instances.length)
  const startedMs = performance.now()
  for (const [index, { port }] of instances.entries()) {
    sender.send({ port, from: index * count, count } satisfies Volley)
  }
  const handled = (await answers).reduce((sum, { statuses }) => sum + (statuses['200'] ?? 0), 0)
  const seconds = (performance.now() - startedMs) / 1000
  const effects = await reset()
  if (handled !== BLOCK || effects !== BLOCK) {
    throw new Error(`Of ${BLOCK} deliveries ${handled} were answered 200, and ${effects} applied.`)
  }
  return BLOCK / seconds
}

/** The next messages of a sender, which may come at the same time. */
function receive(sender: ChildProcess, count: number): Promise<readonly VolleyResult[]> {
  const results: VolleyResult[] = []
  return new Promise((resolve) => {
    sender.on('message', function collect(result: VolleyResult) {
      results.push(result)
      if (results.length < count) return
      sender.off('message', collect)
      resolve(results)
    })
  })
}

interface Instance {
  readonly child: ChildProcess
  readonly port: number
}

async function startInstance(settings: InstanceSettings): Promise<Instance> {
  const child = startChild('instance.ts')
  child.send(settings)
  const [port] = (await once(child, 'message')) as [number]
  return { child, port }
}

function startChild(file: string): ChildProcess {
  return fork(fileURLToPath(new URL(file, import.meta.url)), { serialization: 'advanced' })
}
