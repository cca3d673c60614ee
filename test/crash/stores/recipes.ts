import type { Inbox } from '@hongbao/core'
import { openPool } from '../../servers/postgres.ts'
import { createReceiver, outsideEffect, watch, type Fixture } from '../fixture.ts'
import type { Store } from '../store.ts'

// Common hand-written recipes. Each is wrong in its own way, and the crash test must detect it.

const retentionSeconds = 30 * 24 * 60 * 60

/** "Seen": a flag in Redis is set first, and a process that finds it set answers 200. */
export const seenFlag: Store = {
  async open(fixture) {
    const { Redis } = await import('ioredis')
    const { redisPort } = fixture.setup
    const redis = new Redis({ host: '127.0.0.1', port: redisPort, retryStrategy: () => 50 })
    redis.on('error', () => {})
    return receive(fixture, {
      retentionSeconds,
      async admit(key, work) {
        const isNew = await redis.set(`seen:${key}`, '1', 'EX', retentionSeconds, 'NX')
        if (isNew === null) return 'duplicate'
        try {
          await work({})
        } catch (error) {
          await redis.del(`seen:${key}`)
          throw error
        }
        return 'applied'
      },
    })
  },
}

/** Checks whether the effect is there, and makes it if it is not. */
export const lookFirst: Store = {
  async open(fixture) {
    const pool = openPool({ connectionString: fixture.setup.postgresUrl, max: 8 })
    return receive(fixture, {
      retentionSeconds,
      async admit(key, work) {
        const { rowCount } = await pool.query('select from effects where key = $1', [key])
        if (rowCount !== 0) return 'duplicate'
        await work({})
        return 'applied'
      },
    })
  },
}

/** Answers 200, and then applies the event. */
export const answerFirst: Store = {
  async open(fixture) {
    const apply = outsideEffect(fixture)
    const inbox = watch(NO_INBOX, fixture)
    return createReceiver(fixture, { inbox: NO_INBOX }).on('*', function answer(event, context) {
      const applied = inbox.admit(context.key, async () => void (await apply(event, context)))
      applied.catch(() => {})
    })
  },
}

const NO_INBOX: Inbox = {
  retentionSeconds,
  async admit(_key, work) {
    await work({})
    return 'applied'
  },
}

function receive(fixture: Fixture, inbox: Inbox) {
  return createReceiver(fixture, { inbox: watch(inbox, fixture) }).on('*', outsideEffect(fixture))
}
