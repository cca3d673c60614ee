import { startMariadb } from '../servers/mariadb.ts'
import { provide } from '../servers/needs-servers.ts'
import { startPostgres } from '../servers/postgres.ts'
import { startRedis } from '../servers/redis.ts'

/** The servers that the programs of a consumer use. */
export interface Stores {
  /** What they are, for the title of a check. */
  readonly title: string
  /** The URLs of an empty database on each of them. */
  createEmpty(): Promise<string[]>
  close(): Promise<void>
}

/** A server that is started. */
interface Store {
  readonly title: string
  createEmpty(): Promise<string>
  close(): Promise<void>
}

/** Starts a Postgres, and a Redis and a MariaDB if they are here or may be. Under `CI=true` they must be. */
export async function startStores(): Promise<Stores> {
  const stores: Store[] = []
  const close = async (): Promise<void> => {
    await Promise.all(stores.map((store) => store.close()))
  }
  try {
    stores.push(await openPostgres())
    if (mayStart('redis-server')) stores.push(await openRedis())
    if (mayStart('mariadbd')) stores.push(await openMariadb())
  } catch (error) {
    await close()
    throw error
  }
  return {
    title: stores.map(({ title }) => title).join(', '),
    createEmpty: () => Promise.all(stores.map((store) => store.createEmpty())),
    close,
  }
}

function mayStart(program: string): boolean {
  return provide([program]) || process.env['CI'] === 'true'
}

async function openPostgres(): Promise<Store> {
  const server = await startPostgres()
  return {
    title: `Postgres ${server.version}`,
    createEmpty: () => server.createDatabase(),
    close: () => server.close(),
  }
}

async function openRedis(): Promise<Store> {
  const server = await startRedis()
  let created = 0
  return {
    title: 'Redis',
    async createEmpty() {
      created += 1
      return `${server.url}/${created}`
    },
    close: () => server.close(),
  }
}

async function openMariadb(): Promise<Store> {
  const server = await startMariadb()
  return {
    title: 'MariaDB',
    createEmpty: () => server.createDatabase(),
    close: () => server.close(),
  }
}
