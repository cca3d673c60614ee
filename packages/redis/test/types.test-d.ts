import { createWebhooks, type Inbox } from '@hongbao/core'
import type { Cluster, Redis } from 'ioredis'
import type { createClient, createClientPool, createCluster } from 'redis'
import { describe, expectTypeOf, it } from 'vitest'
import { redisInbox, type Lease, type RedisContext, type RedisClient } from '../src/index.ts'

describe('a client', () => {
  it('is a client of ioredis or node-redis', () => {
    expectTypeOf<Redis>().toExtend<RedisClient>()
    expectTypeOf<Cluster>().toExtend<RedisClient>()
    expectTypeOf<ReturnType<typeof createClient>>().toExtend<RedisClient>()
    expectTypeOf<ReturnType<typeof createClientPool>>().toExtend<RedisClient>()
    expectTypeOf<ReturnType<typeof createCluster>>().toExtend<RedisClient>()
    expectTypeOf<{ sendCommand(args: string[]): Promise<unknown> }>().toExtend<RedisClient>()
  })

  it('is no other object', () => {
    expectTypeOf<{ get(key: string): Promise<string> }>().not.toExtend<RedisClient>()
    expectTypeOf<string>().not.toExtend<RedisClient>()
  })
})

describe('the inbox', () => {
  it('passes handlers its lease', () => {
    const inbox = redisInbox({
      client: { sendCommand: () => Promise.resolve(null) },
      consumer: 'orders',
    })
    expectTypeOf(inbox).toEqualTypeOf<Inbox<RedisContext>>()
    const webhooks = createWebhooks({ publicKey: '', inbox })
    webhooks.on('red_envelope.sent', (_event, { lease, signal }) => {
      expectTypeOf(lease).toEqualTypeOf<Lease>()
      expectTypeOf(signal).toEqualTypeOf<AbortSignal>()
    })
  })
})
