import { redisInbox, type Lease, type RedisClient } from '@hongbao/redis'
import { Redis } from 'ioredis'
import { createClient } from 'redis'
import { readClient } from '../../../packages/redis/src/client.ts'
import { CLAIM, RELEASE, RENEW, type Script } from '../../../packages/redis/src/scripts.ts'
import { hasRedis, startRedis } from '../../servers/redis.ts'
import type { InboxHost, Line, OpenInbox } from '../inbox-host.ts'

/**
 * The Redis inbox over each client, on a real server; none if there is no server. The effects
 * stand in Redis too, without a unique key.
 */
export const redisHosts: readonly InboxHost[] = hasRedis
  ? [hostOf('ioredis', connectIoredis, 300), hostOf('node-redis', connectNodeRedis, 100)]
  : []

async function connectIoredis(url: string): Promise<Connection> {
  const client = new Redis(url, { lazyConnect: true })
  await client.connect()
  return { client, disconnect: () => client.disconnect() }
}

async function connectNodeRedis(url: string): Promise<Connection> {
  const client = createClient({ url })
  await client.connect()
  return { client, disconnect: () => client.destroy() }
}

interface Connection {
  readonly client: RedisClient
  disconnect(): void
}

/** The order of events is the same over either client; the sequences over the second one are about its replies. */
function hostOf(
  name: string,
  connect: (url: string) => Promise<Connection>,
  modelRuns: number,
): InboxHost {
  return { name: `redisInbox over ${name}`, hold: 'lease', modelRuns, start }

  async function start() {
    const server = await startRedis()
    const redis = new Redis(server.url)

    async function open(): Promise<OpenInbox> {
      const connection = await connect(server.url)
      const line = createLine(connection.client)
      const inbox = redisInbox({
        client: line.client,
        consumer: 'orders',
        commandTimeoutMs: COMMAND_TIMEOUT_MS,
        onWarning() {},
      })
      const end = (): Promise<void> => Promise.resolve(connection.disconnect())
      return {
        retentionSeconds: inbox.retentionSeconds,
        ready: async () => inbox.ready?.(),
        flush: async () => inbox.flush?.(),
        admit: (key, work) =>
          inbox.admit(key, ({ lease }) =>
            work(async () => void (await redis.hincrby(EFFECTS, key, 1)), {
              isTakeover: lease.isTakeover,
              renew: () => line.renew(lease),
            }),
          ),
        line,
        crash: end,
        close: end,
      }
    }

    return {
      open,
      countEffects: async (key: string) => Number(await redis.hget(EFFECTS, key)),
      // The clock of a server cannot be set: what is left of every lease and every key is shortened.
      advance: async (seconds: number) =>
        void (await redis.eval(ADVANCE, 0, 'hongbao:*', seconds * 1000)),
      // Redis forgets by itself.
      clean: () => Promise.resolve(),
      takeAway: async (key: string) =>
        void (await redis.eval(ADVANCE, 0, `hongbao:{${escapeGlob(key)}}:orders`, DAY_MS)),
      async close() {
        redis.disconnect()
        await server.close()
      },
    }
  }
}

interface RedisLine extends Line {
  readonly client: RedisClient
  /** Sends what the inbox's timer would; returns whether the run holds its key then. */
  renew(lease: Lease): Promise<boolean>
}

/** A client whose messages the test can drop. */
function createLine(open: RedisClient): RedisLine {
  const send = readClient(open, COMMAND_TIMEOUT_MS)
  /** What each claim was made with, by its token: a renewal is sent with the same. */
  const claims = new Map<number, readonly string[]>()
  const pending = new Set<Promise<unknown>>()
  let losing: 'claim-answer' | 'release' | undefined

  async function pass([name = '', ...args]: string[]): Promise<unknown> {
    if (losing === 'release' && isStep(RELEASE, args)) throw cut()
    const reply = await send([name, ...args], args[2])
    if (losing === 'claim-answer' && isStep(CLAIM, args)) throw cut()
    if (isStep(CLAIM, args) && Array.isArray(reply)) claims.set(Number(reply[1]), args.slice(1))
    return reply
  }

  function cut(): Error {
    losing = undefined
    return new Error('read ECONNRESET')
  }

  async function sendCommand(args: string[]): Promise<unknown> {
    const reply = pass(args)
    pending.add(reply)
    return reply.finally(() => pending.delete(reply))
  }

  return {
    client: { sendCommand },
    loseNext(message) {
      losing = message
    },
    quiet: async () => void (await Promise.allSettled(pending)),
    async renew({ token, isTakeover }) {
      const [count = '', key = '', owner = '', retention = '', , , lease = ''] =
        claims.get(token) ?? []
      const own = [owner, retention, String(token), isTakeover ? '1' : '0', lease]
      return Number(await send(['eval', RENEW.source, count, key, ...own], key)) > 0
    },
  }
}

function isStep({ sha1, source }: Script, [script]: readonly string[]): boolean {
  return script === sha1 || script === source
}

const EFFECTS = 'effects'
// The suite is about order, not about time.
const COMMAND_TIMEOUT_MS = 30_000
const DAY_MS = 24 * 60 * 60 * 1000

const ADVANCE = `
for _, key in ipairs(redis.call('KEYS', ARGV[1])) do
  local start, ends, rest = string.match(redis.call('GET', key), '^(running %d+) (%d+) (.*)$')
  if ends then
    local earlier = string.format('%s %.0f %s', start, ends - ARGV[2] * 1000, rest)
    redis.call('SET', key, earlier, 'KEEPTTL')
  end
  redis.call('PEXPIRE', key, redis.call('PTTL', key) - ARGV[2])
end`

function escapeGlob(key: string): string {
  return key.replaceAll(/[*?[\]\\]/g, String.raw`\$&`)
}
