import { redisInbox, type RedisClient } from '@hongbao/redis'
import { COMPLETE } from '../../../packages/redis/src/scripts.ts'
import { createReceiver, outsideEffect, watch, type Fixture } from '../fixture.ts'
import { LEASE_MS, type Store } from '../store.ts'

/** The Redis inbox; the statement determines whether the effect has a unique key of its own. */
export function redisStore(effect: string): Store {
  return {
    async open(fixture) {
      const inbox = redisInbox({
        consumer: 'orders',
        client: withMarkPoints(await openClient(fixture), fixture),
        prefix: PREFIX,
        leaseMs: LEASE_MS,
        commandTimeoutMs: LEASE_MS / 2,
        onWarning(_, { code, key }) {
          if (key !== undefined && code !== 'redis-mark-delayed') fixture.journal.leaseLost(key)
        },
      })
      const watched = watch(inbox, fixture, { endsItself: true })
      return createReceiver(fixture, { inbox: watched }).on('*', outsideEffect(fixture, effect))
    },
  }
}

const PREFIX = 'hongbao:'

type SendCommand = (args: string[], options?: { readonly timeout?: number }) => Promise<unknown>

/** Every other process uses node-redis in place of ioredis. A start loads one of them: they take long. */
async function openClient({ setup: { process, redisPort } }: Fixture): Promise<SendCommand> {
  if (process % 2 === 0) {
    const { Redis } = await import('ioredis')
    const redis = new Redis({ host: '127.0.0.1', port: redisPort, retryStrategy: () => 50 })
    redis.on('error', () => {})
    return ([command = '', ...args]) => redis.call(command, ...args)
  }
  const { createClient } = await import('redis')
  const client = createClient({
    socket: { host: '127.0.0.1', port: redisPort, reconnectStrategy: 50 },
  })
  client.on('error', () => {})
  await client.connect()
  return (args, options) => client.sendCommand(args, options)
}

/**
 * A client that passes the points around the mark, Redis's COMMIT. The end of a run is when Redis
 * has confirmed the mark, however late: until then a crash may cost a second run.
 */
function withMarkPoints(send: SendCommand, { journal, points }: Fixture): RedisClient {
  return {
    async sendCommand(args, options) {
      const [, script, , redisKey = ''] = args
      if (script !== COMPLETE.sha1 && script !== COMPLETE.source) return send(args, options)
      points.pass('before-commit')
      const reply = send(args, options)
      points.pass('during-commit')
      const marked = await reply
      points.pass('after-commit')
      if (Number(marked) > 0)
        journal.ended('apply', redisKey.slice(PREFIX.length + 1, redisKey.lastIndexOf('}')))
      return marked
    },
  }
}
