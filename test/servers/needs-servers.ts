import { spawnSync } from 'node:child_process'

/**
 * The tests of the inboxes start real servers, those of the inspector a browser, and those of the command
 * line the shells that it completes in. Postgres comes by npm; the others are Debian packages. Where one
 * is missing and may be installed, it is; elsewhere its suites are skipped, and the run prints what to
 * install.
 */
export function setup(): void {
  provide(SERVERS.map(({ program }) => program))
}

/** The same for some of them. Says whether they are all here now. */
export function provide(programs: readonly string[]): boolean {
  const missing = SERVERS.filter(({ program }) => programs.includes(program)).filter(isMissing)
  if (missing.length > 0 && process.getuid?.() === 0) install(missing)
  const stillMissing = missing.filter(isMissing)
  for (const { program, debian, brew } of stillMissing) {
    console.warn(
      `Skipped: what needs \`${program}\`, which is missing here. To run it: apt-get install ${debian}, or brew install ${brew}.`,
    )
  }
  return stillMissing.length === 0
}

interface Server {
  readonly program: string
  /** What prints its version. Default: `--version`. */
  readonly flag?: string
  /** Its packages. */
  readonly debian: string
  readonly brew: string
}

const SERVERS: readonly Server[] = [
  { program: 'redis-server', debian: 'redis-server', brew: 'redis' },
  {
    program: 'mariadbd',
    // Without `mariadb-server`, whose service would start.
    debian: 'mariadb-server-core mariadb-client-core',
    brew: 'mariadb',
  },
  { program: 'pgbouncer', debian: 'pgbouncer', brew: 'pgbouncer' },
  { program: 'nginx', flag: '-v', debian: 'nginx-light', brew: 'nginx' },
  { program: 'chromium', debian: 'chromium fonts-noto-cjk', brew: 'chromium' },
  { program: 'zsh', debian: 'zsh', brew: 'zsh' },
  { program: 'fish', debian: 'fish', brew: 'fish' },
]

function isMissing({ program, flag = '--version' }: Server): boolean {
  // Debian keeps MariaDB and nginx out of the PATH of users.
  const env = { ...process.env, PATH: `${process.env['PATH']}:/usr/sbin` }
  return spawnSync(program, [flag], { stdio: 'ignore', env }).status !== 0
}

/** Installs without starting: a server of the machine is no business of the tests. */
function install(servers: readonly Server[]): void {
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive', RUNLEVEL: '1' }
  const apt = (...args: string[]): void => void spawnSync('apt-get', args, { stdio: 'ignore', env })
  apt('update')
  apt(
    'install',
    '-y',
    '--no-install-recommends',
    ...servers.flatMap(({ debian }) => debian.split(' ')),
  )
}
