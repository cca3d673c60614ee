import { spawnSync } from 'node:child_process'
import { chmodSync, chownSync, mkdtempSync, writeFileSync } from 'node:fs'
import { rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { serverUser, type PostgresServer } from './postgres.ts'
import { startServer, type TestServer } from './server.ts'

/** A PgBouncer of the tests, in front of a Postgres. */
export interface PgBouncer extends TestServer {
  /** Of the database `postgres`, by way of the PgBouncer. */
  readonly url: string
}

/**
 * Starts a PgBouncer in transaction mode: a server connection is a client's for a transaction, and
 * for no statement more. `settings` are those of its own, such as `query_timeout = 1`.
 */
export async function startPgBouncer(postgres: PostgresServer, settings = ''): Promise<PgBouncer> {
  const folder = mkdtempSync(join(tmpdir(), 'hongbao-pgbouncer-'))
  const user = serverUser()
  if (user !== undefined) chownSync(folder, user.uid, user.gid)
  const server = await startServer({
    program: 'pgbouncer',
    args: (port) => {
      const file = join(folder, 'pgbouncer.ini')
      writeFileSync(file, `${settingsOf(port, postgres.port)}${settings}\n`)
      chmodSync(file, 0o644)
      return [file]
    },
    user,
    ready: /process up/,
    stopSignal: 'SIGTERM',
    remove: () => rm(folder, { recursive: true, force: true }),
  })
  return Object.defineProperties(
    { url: `postgres://postgres@127.0.0.1:${server.port}/postgres` },
    Object.getOwnPropertyDescriptors(server),
  ) as PgBouncer
}

/** Whether there is one: for `describe.skipIf(!hasPgBouncer)`. Under `CI=true` nothing is skipped. */
export const hasPgBouncer: boolean =
  process.env['CI'] === 'true' || spawnSync('pgbouncer', ['--version']).status === 0

function settingsOf(port: number, postgresPort: number): string {
  return `[databases]
* = host=127.0.0.1 port=${postgresPort} user=postgres
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = ${port}
unix_socket_dir =
auth_type = any
pool_mode = transaction
default_pool_size = 20
max_client_conn = 500
`
}
