import { spawnSync } from 'node:child_process'
import { chownSync, existsSync, mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createConnection } from 'mysql2/promise'
import { CLUSTERS_VARIABLE, serverUser } from './postgres.ts'
import { startServer, type TestServer } from './server.ts'

/**
 * The `mysqld` of a MySQL 8 or later, to run every test of MariaDB on it instead:
 * `HONGBAO_TEST_MYSQLD=/usr/sbin/mysqld pnpm vitest run packages/sql`.
 */
const MYSQLD = process.env['HONGBAO_TEST_MYSQLD']

export const isMysql: boolean = MYSQLD !== undefined

/** A MariaDB of the tests, or the MySQL that they were given. */
export interface MariadbServer extends TestServer {
  /** Of the database `test`. */
  readonly url: string
  /** Creates an empty database and returns its url: a test file should not see another's tables. */
  createDatabase(): Promise<string>
}

/** Options of {@link startMariadb}. */
export interface MariadbServerOptions {
  /** Settings as on the command line. Commits are not flushed unless they are set so here: the machine will not crash. */
  readonly settings?: Readonly<Record<string, string | number>> | undefined
}

/** Starts a MariaDB with the empty database `test`. */
export async function startMariadb({
  settings = {},
}: MariadbServerOptions = {}): Promise<MariadbServer> {
  const folder = ownFolder('hongbao-mariadb-')
  const data = join(folder, 'data')
  copyData(data)
  const all = {
    ...SETTINGS,
    ...settings,
    datadir: data,
    tmpdir: folder,
    socket: join(folder, 'socket'),
  }
  const server = await startServer({
    program: MYSQLD ?? programPath('mariadbd'),
    args: (port) => [
      '--no-defaults',
      `--port=${port}`,
      ...(MYSQLD === undefined ? [] : MYSQL_ONLY),
      ...Object.entries(all).map(([name, value]) => `--${name}=${value}`),
    ],
    user: serverUser(),
    env: { LC_ALL: 'C' },
    ready: /ready for connections/,
    stopSignal: 'SIGTERM',
    remove: () => rm(folder, { recursive: true, force: true }),
  })
  const urlOf = (database: string): string => `mysql://root@127.0.0.1:${server.port}/${database}`
  let databases = 0
  await create('test')

  async function createDatabase(): Promise<string> {
    databases += 1
    const name = `test_${databases}`
    await create(name)
    return urlOf(name)
  }

  async function create(name: string): Promise<void> {
    const connection = await createConnection(urlOf('mysql'))
    await connection.query(`create database ${name}`)
    await connection.end()
  }

  return Object.defineProperties(
    { url: urlOf('test'), createDatabase },
    Object.getOwnPropertyDescriptors(server),
  ) as MariadbServer
}

/**
 * Whether there is a `mariadbd`: for `describe.skipIf(!hasMariadb)`. Under `CI=true` nothing is
 * skipped.
 */
export const hasMariadb: boolean =
  process.env['CI'] === 'true' ||
  spawnSync(MYSQLD ?? programPath('mariadbd'), ['--version'], { stdio: 'ignore' }).status === 0

const SETTINGS = {
  'bind-address': '127.0.0.1',
  'skip-name-resolve': 1,
  // At a commit the log is written and not flushed, so that it outlives the process.
  'innodb-flush-log-at-trx-commit': 2,
  'innodb-buffer-pool-size': '64M',
  // As in the empty data that are copied. MySQL 9 has it no more.
  'loose-innodb-log-file-size': '8M',
  'innodb-buffer-pool-dump-at-shutdown': 0,
  'max-connections': 200,
}

/** What MariaDB does not have, or not by default: a second port, a log for replicas, a redo log of 100 MB, a folder for files. */
const MYSQL_ONLY = [
  '--mysqlx=0',
  '--skip-log-bin',
  '--innodb-redo-log-capacity=16M',
  '--secure-file-priv=',
]

/** Debian keeps servers out of the PATH of users. */
function programPath(program: string): string {
  const debian = join('/usr/sbin', program)
  return existsSync(debian) ? debian : program
}

/** Empty data take seconds to make. Where the run has a folder for them, the first server makes them. */
function copyData(data: string): void {
  const folder = process.env[CLUSTERS_VARIABLE]
  if (folder === undefined) return createData(data)
  const kept = join(folder, MYSQLD === undefined ? 'mariadb' : 'mysql')
  if (!existsSync(kept)) {
    const own = `${kept}-${process.pid}`
    createData(own)
    try {
      renameSync(own, kept)
    } catch {
      // Another process was faster. The run removes this one with the folder.
    }
  }
  runProgram('cp', ['-a', kept, data])
}

function createData(data: string): void {
  // Of its own: a MariaDB that starts removes the temporary tables of all others in its folder.
  const temporary = ownFolder('hongbao-mariadb-temporary-')
  if (MYSQLD !== undefined) createMysqlData(MYSQLD, data, temporary)
  else createMariadbData(data, temporary)
  rmSync(temporary, { recursive: true })
}

function createMysqlData(mysqld: string, data: string, temporary: string): void {
  const statements = join(temporary, 'init.sql')
  // It makes a root that may come by the socket only.
  writeFileSync(statements, "rename user root@localhost to root@'127.0.0.1';\n", { mode: 0o644 })
  runProgram(mysqld, [
    '--no-defaults',
    '--initialize-insecure',
    `--datadir=${data}`,
    `--tmpdir=${temporary}`,
    `--init-file=${statements}`,
    ...MYSQL_ONLY,
  ])
}

function createMariadbData(data: string, temporary: string): void {
  runProgram('mariadb-install-db', [
    '--no-defaults',
    `--datadir=${data}`,
    `--tmpdir=${temporary}`,
    '--auth-root-authentication-method=normal',
    '--skip-name-resolve',
    // Every user may write in the one that it would make.
    '--skip-test-db',
    '--innodb-log-file-size=8M',
  ])
}

/** A new folder that the server may write in. */
function ownFolder(prefix: string): string {
  const folder = mkdtempSync(join(tmpdir(), prefix))
  const user = serverUser()
  if (user !== undefined) chownSync(folder, user.uid, user.gid)
  return folder
}

function runProgram(program: string, args: readonly string[]): void {
  const options = { ...serverUser(), cwd: '/', encoding: 'utf8' } as const
  const { status, stdout, stderr } = spawnSync(program, args, options)
  if (status !== 0) throw new Error(`${program} failed:\n${stdout}${stderr}`)
}
