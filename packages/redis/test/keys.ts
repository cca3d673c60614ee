import { Redis } from 'ioredis'

/** The key of an event, as core makes it. */
export const KEY = 'app_1Gqj58ynP0mHeX1q:live:red_envelope.sent:red_04er10TuvT4OCyLO08aLOqbD'

/** What Redis holds for a key, past the inbox. */
export interface Keys {
  readonly redis: Redis
  read(key?: string): Promise<Held>
  /** Lets the lease end, as a process that died would. */
  endLease(key?: string): Promise<void>
  close(): void
}

export type Held =
  | { readonly state: 'nothing' }
  | { readonly state: 'applied'; readonly token: number }
  | { readonly state: 'free'; readonly token: number; readonly isTakeover: boolean }
  | {
      readonly state: 'running'
      readonly token: number
      readonly ends: number
      readonly isTakeover: boolean
      readonly owner: string
    }

/** The name of an event's key in Redis. */
export function nameOf(key: string = KEY): string {
  return `hongbao:{${key}}:orders`
}

export async function openKeys(url: string): Promise<Keys> {
  const redis = new Redis(url, { lazyConnect: true, retryStrategy: () => 20 })
  redis.on('error', () => {})
  await redis.connect()

  async function read(key = KEY): Promise<Held> {
    const value = await redis.get(nameOf(key))
    if (value === null) return { state: 'nothing' }
    const words = value.split(' ')
    if (words.length === 1) return { state: 'applied', token: Number(value) }
    const [state, token, third, takeover, owner = ''] = words
    if (state === 'free') return { state, token: Number(token), isTakeover: third === '1' }
    const isTakeover = takeover === '1'
    return { state: 'running', token: Number(token), ends: Number(third), isTakeover, owner }
  }

  async function endLease(key = KEY): Promise<void> {
    const name = nameOf(key)
    const value = (await redis.get(name)) ?? ''
    await redis.set(name, value.replace(/^(running \d+) \d+/, '$1 1'), 'KEEPTTL')
  }

  return { redis, read, endLease, close: () => redis.disconnect() }
}
