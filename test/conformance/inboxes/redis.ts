import { redisInbox, type RedisClient } from '@hongbao/redis'
import { Redis } from 'ioredis'
import { createClient } from 'redis'
import { hasRedis, startRedis } from '../../servers/redis.ts'
import type { InboxHost, OpenInbox } from '../inbox-host.ts'

/**
 * The Redis inbox over each client, on a real server; none where there is no server. The effects
 * stand in Redis too, without a unique key.
 */
export const redisHosts: readonly InboxHost[] = hasRedis
  ? [hostOf('ioredis', connectIoredis), hostOf('node-redis', connectNodeRedis)]
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

function hostOf(name: string, connect: (url: string) => Promise<Connection>): InboxHost {
  return { name: `redisInbox over ${name}`, hold: 'lease', modelRuns: 300, start }

  async function start() {
    const server = await startRedis()
    const redis = new Redis(server.url)

    async function open(): Promise<OpenInbox> {
      const connection = await connect(server.url)
      // The suite is about order, not about time.
      const commandTimeoutMs = 30_000
      const inbox = redisInbox({
        client: connection.client,
        consumer: 'orders',
        commandTimeoutMs,
        onWarning() {},
      })
      const end = (): Promise<void> => Promise.resolve(connection.disconnect())
      return {
        retentionSeconds: inbox.retentionSeconds,
        admit: (key, work) =>
          inbox.admit(key, () => work(async () => void (await redis.hincrby(EFFECTS, key, 1)))),
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

const EFFECTS = 'effects'
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
