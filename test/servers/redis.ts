import { spawnSync } from 'node:child_process'
import { rm } from 'node:fs/promises'
import { makeServerFolder, startServer, type TestServer } from './server.ts'

/** A Redis of the tests. */
export interface RedisServer extends TestServer {
  readonly url: string
}

/** Options of {@link startRedis}. */
export interface RedisServerOptions {
  /**
   * Settings of redis.conf, for one `{ 'maxmemory-policy': 'allkeys-lru' }`. Default: an append-only
   * file and no snapshots, so that a restart forgets nothing.
   */
  readonly settings?: Readonly<Record<string, string | number>> | undefined
}

/** Starts an empty Redis. */
export async function startRedis(options: RedisServerOptions = {}): Promise<RedisServer> {
  const folder = makeServerFolder('hongbao-redis-')
  const settings: Record<string, string | number> = {
    appendonly: 'yes',
    save: '',
    'enable-debug-command': 'yes',
    ...options.settings,
  }
  const server = await startServer({
    program: 'redis-server',
    args: (port) => [
      '--port',
      `${port}`,
      '--bind',
      '127.0.0.1',
      '--dir',
      folder,
      ...Object.entries(settings).flatMap(([name, value]) => [`--${name}`, `${value}`]),
    ],
    ready: /ready to accept connections/i,
    stopSignal: 'SIGTERM',
    remove: () => rm(folder, { recursive: true, force: true }),
  })
  return Object.defineProperties(
    { url: `redis://127.0.0.1:${server.port}` },
    Object.getOwnPropertyDescriptors(server),
  ) as RedisServer
}

/**
 * Ends one that is or was a replica. After a full synchronization it writes its first append-only
 * file, and ignores SIGTERM meanwhile ("Writing initial AOF, can't exit").
 */
export async function closeReplica(server: TestServer): Promise<void> {
  await server.kill()
  await server.close()
}

/**
 * Whether there is a `redis-server`: for `describe.skipIf(!hasRedis)`. Under `CI=true` nothing is
 * skipped: there the suites run, and fail if it is missing.
 */
export const hasRedis: boolean =
  process.env['CI'] === 'true' || spawnSync('redis-server', ['--version']).status === 0
