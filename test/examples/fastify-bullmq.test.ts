import { afterAll, beforeAll } from 'vitest'
import { startPostgres, type PostgresServer } from '../servers/postgres.ts'
import { startRedis, type RedisServer } from '../servers/redis.ts'
import { describeShop, startScripts } from './shop.ts'

let postgres: PostgresServer
let redis: RedisServer
beforeAll(async () => {
  ;[postgres, redis] = await Promise.all([startPostgres(), startRedis()])
})
afterAll(() => Promise.all([postgres.close(), redis.close()]))

describeShop({
  name: 'fastify-bullmq',
  start(variables) {
    const servers = { DATABASE_URL: postgres.url, REDIS_URL: redis.url }
    return startScripts('fastify-bullmq', ['start', 'worker'], { ...variables, ...servers })
  },
  ends: [
    [0, null],
    [0, null],
  ],
})
