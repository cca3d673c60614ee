import { spawnSync } from 'node:child_process'
import { mkdtempSync, writeFileSync } from 'node:fs'
import { rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { startServer, type TestServer } from './server.ts'

// Debian keeps it out of the PATH of users.
const env = { PATH: `${process.env['PATH'] ?? ''}:/usr/sbin` }

/** Starts an nginx in one process. `blocks` are those of its `http` block, for the port that it gets. */
export async function startNginx(blocks: (port: number) => string): Promise<TestServer> {
  const folder = mkdtempSync(join(tmpdir(), 'hongbao-nginx-'))
  const file = join(folder, 'nginx.conf')
  return startServer({
    program: 'nginx',
    args(port) {
      writeFileSync(file, `${settingsOf(folder)}http {\naccess_log off;\n${blocks(port)}\n}\n`)
      return ['-p', folder, '-c', file]
    },
    env,
    ready: /using the "\w+" event method/,
    stopSignal: 'SIGTERM',
    remove: () => rm(folder, { recursive: true, force: true }),
  })
}

/** Whether there is an `nginx`: for `describe.skipIf(!hasNginx)`. Under `CI=true` nothing is skipped. */
export const hasNginx: boolean =
  process.env['CI'] === 'true' ||
  spawnSync('nginx', ['-v'], { env: { ...process.env, ...env } }).status === 0

function settingsOf(folder: string): string {
  return `daemon off;
master_process off;
pid ${folder}/nginx.pid;
error_log stderr notice;
events {}
`
}
