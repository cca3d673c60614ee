import { provide } from '../servers/needs-servers.ts'
import { startPostgres } from '../servers/postgres.ts'
import { startRedis, type RedisServer } from '../servers/redis.ts'

/** The servers that the programs of a consumer use. */
export interface Stores {
  /** What they are, for the title of a check. */
  readonly title: string
  /** The URLs of an empty database of Postgres and, if there is a Redis, of an empty one there. */
  createEmpty(): Promise<string[]>
  close(): Promise<void>
}

/** Starts a Postgres, and a Redis if there is one or may be. Under `CI=true` there must be. */
export async function startStores(): Promise<Stores> {
  const redis = await startRedisWhereIs()
  const postgres = await startPostgres().catch(async (error: unknown) => {
    await redis?.close()
    throw error
  })
  let created = 0

  async function createEmpty(): Promise<string[]> {
    created += 1
    const database = await postgres.createDatabase()
    return redis === undefined ? [database] : [database, `${redis.url}/${created}`]
  }

  async function close(): Promise<void> {
    await Promise.all([postgres.close(), redis?.close()])
  }

  const title = `Postgres ${postgres.version}${redis === undefined ? '' : ' and Redis'}`
  return { title, createEmpty, close }
}

async function startRedisWhereIs(): Promise<RedisServer | undefined> {
  const isHere = provide(['redis-server'])
  return isHere || process.env['CI'] === 'true' ? await startRedis() : undefined
}
