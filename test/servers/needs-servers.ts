import { spawnSync } from 'node:child_process'

/**
 * The tests of the inboxes start real servers. Postgres comes by npm; the others are Debian
 * packages. Where one is missing and may be installed, it is; elsewhere its suites are skipped, and
 * the run says what to install.
 */
export function setup(): void {
  const missing = SERVERS.filter((server) => !isHere(server))
  if (missing.length === 0) return
  if (process.getuid?.() === 0) install(missing)
  for (const { program, debian, brew } of missing.filter((server) => !isHere(server))) {
    console.warn(
      `Skipped: what needs \`${program}\`, which is missing here. To run it: apt-get install ${debian}, or brew install ${brew}.`,
    )
  }
}

interface Server {
  readonly program: string
  readonly debian: string
  readonly brew: string
}

const SERVERS: readonly Server[] = [
  { program: 'redis-server', debian: 'redis-server', brew: 'redis' },
  { program: 'pgbouncer', debian: 'pgbouncer', brew: 'pgbouncer' },
]

function isHere({ program }: Server): boolean {
  return spawnSync(program, ['--version'], { stdio: 'ignore' }).status === 0
}

/** Installs without starting: a server of the machine is no business of the tests. */
function install(servers: readonly Server[]): void {
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive', RUNLEVEL: '1' }
  const apt = (...args: string[]): void => void spawnSync('apt-get', args, { stdio: 'ignore', env })
  apt('update')
  apt('install', '-y', '--no-install-recommends', ...servers.map(({ debian }) => debian))
}
