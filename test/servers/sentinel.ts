import { Redis } from 'ioredis'
import { mkdtempSync, writeFileSync } from 'node:fs'
import { rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout } from 'node:timers/promises'
import { closeReplica, startRedis, type RedisServer } from './redis.ts'
import { startServer, type TestServer } from './server.ts'

/** A primary, its replicas, and three sentinels that watch them. */
export interface SentinelGroup {
  /** The name of the primary, for clients. */
  readonly name: string
  readonly sentinels: readonly SentinelAddress[]
  /** The primary according to the sentinels now. */
  primary(): Promise<RedisServer>
  /** A planned failover, as for maintenance. Resolves when all sentinels name another primary. */
  failOver(): Promise<void>
  /** Resolves when all sentinels name another primary than this one. */
  waitForOther(primary: RedisServer): Promise<void>
  close(): Promise<void>
}

export interface SentinelAddress {
  readonly host: string
  readonly port: number
}

/** Options of {@link startSentinelGroup}. */
export interface SentinelGroupOptions {
  /** Default: 2. */
  readonly replicas?: number | undefined
  /** How long the primary is silent before it is replaced, in milliseconds. Default: 5,000. */
  readonly downAfterMs?: number | undefined
  /** More settings of redis.conf, for all servers. */
  readonly settings?: Readonly<Record<string, string | number>> | undefined
}

const NAME = 'mymaster'
const QUORUM = 2
const SENTINELS = 3

/** Starts a group, and waits until it could fail over. */
export async function startSentinelGroup({
  replicas = 2,
  downAfterMs = 5000,
  settings,
}: SentinelGroupOptions = {}): Promise<SentinelGroup> {
  // Diskless replication waits 5 s for more replicas by default.
  const options = { settings: { 'repl-diskless-sync-delay': 0, ...settings } }
  const [first, ...others] = await startAll(1 + replicas, () => startRedis(options))
  if (first === undefined) throw new Error('There is no primary.')
  const servers = [first, ...others]
  await Promise.all(others.map((replica) => follow(replica, first)))
  const watchers = await startAll(SENTINELS, () => startSentinel(first.port, downAfterMs))
  const asked = watchers.map(({ port }) => connect(port))
  await until(async () => (await Promise.all(asked.map(describe))).every(isComplete))

  function isComplete(facts: Facts): boolean {
    return (
      facts.get('num-slaves') === `${replicas}` &&
      facts.get('num-other-sentinels') === `${SENTINELS - 1}`
    )
  }

  async function primaryPorts(): Promise<number[]> {
    return (await Promise.all(asked.map(describe))).map((facts) => Number(facts.get('port')))
  }

  async function primary(): Promise<RedisServer> {
    const [port] = await primaryPorts()
    const server = servers.find((each) => each.port === port)
    if (server === undefined) throw new Error(`Port ${port} is not one of the group's.`)
    return server
  }

  async function waitForOther({ port }: RedisServer): Promise<void> {
    await until(async () => (await primaryPorts()).every((each) => each !== port))
  }

  return {
    name: NAME,
    sentinels: watchers.map(({ port }) => ({ host: '127.0.0.1', port })),
    primary,
    waitForOther,
    async failOver() {
      const before = await primary()
      // Refused while an earlier failover has not ended, or no replica is good enough yet.
      await until(async () => (await asked[0]?.call('SENTINEL', 'FAILOVER', NAME)) === 'OK')
      await waitForOther(before)
    },
    async close() {
      for (const client of asked) client.disconnect()
      await Promise.all([...watchers, ...servers].map(closeReplica))
    },
  }
}

type Facts = ReadonlyMap<string, string>

/** A sentinel's state of the primary. */
async function describe(sentinel: Redis): Promise<Facts> {
  const flat = (await sentinel.call('SENTINEL', 'MASTER', NAME)) as string[]
  return new Map(flat.flatMap((name, at) => (at % 2 === 0 ? [[name, flat[at + 1] ?? '']] : [])))
}

async function startSentinel(primaryPort: number, downAfterMs: number): Promise<TestServer> {
  const folder = mkdtempSync(join(tmpdir(), 'hongbao-sentinel-'))
  const file = join(folder, 'sentinel.conf')
  // A sentinel writes what it learns into this file.
  writeFileSync(
    file,
    [
      `sentinel monitor ${NAME} 127.0.0.1 ${primaryPort} ${QUORUM}`,
      `sentinel down-after-milliseconds ${NAME} ${downAfterMs}`,
      `sentinel failover-timeout ${NAME} 10000`,
    ].join('\n'),
  )
  return startServer({
    program: 'redis-server',
    args: (port) => [
      file,
      '--sentinel',
      '--port',
      `${port}`,
      '--bind',
      '127.0.0.1',
      '--dir',
      folder,
    ],
    ready: /\+monitor master/,
    stopSignal: 'SIGTERM',
    remove: () => rm(folder, { recursive: true, force: true }),
  })
}

async function follow(replica: RedisServer, primary: RedisServer): Promise<void> {
  const client = connect(replica.port)
  await client.replicaof('127.0.0.1', primary.port)
  await until(async () => (await client.info('replication')).includes('master_link_status:up'))
  client.disconnect()
}

function connect(port: number): Redis {
  const client = new Redis({ host: '127.0.0.1', port, retryStrategy: () => 50 })
  client.on('error', () => {})
  return client
}

function startAll<Started>(count: number, start: () => Promise<Started>): Promise<Started[]> {
  return Promise.all(Array.from({ length: count }, start))
}

/** Polls until it is so. A failed query is retried; the time limit of the test ends it. */
async function until(check: () => Promise<boolean>): Promise<void> {
  while (!(await check().catch(() => false))) await setTimeout(50)
}
