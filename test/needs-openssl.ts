import { spawnSync } from 'node:child_process'

/**
 * The tests compare with the `openssl` command. Where it is missing and may be installed, it is;
 * elsewhere the run prints what to install, because a comparison that is skipped proves nothing.
 */
export function setup(): void {
  if (runs('openssl', 'version')) return
  if (process.getuid?.() === 0 && runs('apt-get', 'update'))
    runs('apt-get', 'install', '-y', 'openssl')
  if (runs('openssl', 'version')) return
  throw new Error(
    'The tests compare with the `openssl` command, which is missing here. Install it (apt-get install openssl, brew install openssl, …) and run them again.',
  )
}

function runs(command: string, ...args: string[]): boolean {
  return spawnSync(command, args, { stdio: 'ignore' }).status === 0
}
