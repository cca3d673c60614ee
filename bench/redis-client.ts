import { createRequire } from 'node:module'

type Ioredis = typeof import('../packages/redis/node_modules/ioredis/built/index.js')

/** A client of ioredis, over which the inbox is measured. */
export type Redis = InstanceType<Ioredis['Redis']>

/** Connects. ioredis is a development dependency of the package, and of nothing here. */
export async function connectRedis(url: string): Promise<Redis> {
  const require = createRequire(new URL('../packages/redis/package.json', import.meta.url))
  const ioredis = require('ioredis') as Ioredis
  const redis = new ioredis.Redis(url, { lazyConnect: true })
  await redis.connect()
  return redis
}
