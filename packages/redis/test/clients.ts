import { Redis } from 'ioredis'
import { createClient } from 'redis'
import type { RedisClient } from '../src/index.ts'

/** A client as people have it, with its default settings but for a quick return. */
export interface OpenClient {
  readonly client: RedisClient
  close(): void
}

export const KINDS: readonly (readonly [
  name: string,
  open: (url: string) => Promise<OpenClient>,
])[] = [
  ['ioredis', openIoredis],
  ['node-redis', openNodeRedis],
]

export async function openIoredis(url: string): Promise<OpenClient> {
  const client = new Redis(url, { lazyConnect: true, retryStrategy: () => 20 })
  client.on('error', () => {})
  await client.connect()
  return { client, close: () => client.disconnect() }
}

export async function openNodeRedis(url: string): Promise<OpenClient> {
  const client = createClient({ url, socket: { reconnectStrategy: 20 } })
  client.on('error', () => {})
  await client.connect()
  return { client, close: () => client.destroy() }
}
