// `npm start`, `npm test` and `npm run bench` on a machine that has only Node 20 or later and npm:
// fetch the pinned Node and pnpm through npx, install the workspace, run one of its scripts.
// Plain JavaScript, because the Node that starts this file may not read TypeScript.
import { spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

const NODE = 'node@24.21.0'
const root = fileURLToPath(new URL('..', import.meta.url))
const [script, ...rest] = process.argv.slice(2)

if (process.env.HONGBAO_TOOLCHAIN === NODE) {
  run('pnpm', ['install', '--frozen-lockfile', '--prefer-offline', '--reporter=append-only'])
  run('pnpm', ['run', script, ...rest])
} else {
  const { packageManager } = JSON.parse(readFileSync(`${root}/package.json`, 'utf8'))
  const inside = ['node', fileURLToPath(import.meta.url), script, ...rest]
  run('npx', ['--yes', '-p', NODE, '-p', packageManager, '--', ...inside], {
    ...process.env,
    HONGBAO_TOOLCHAIN: NODE,
  })
}

/** Runs a command in the workspace's root and ends with its exit status unless it went well. */
function run(command, args, env = process.env) {
  const shell = process.platform === 'win32'
  const { status, error } = spawnSync(command, args, { cwd: root, env, shell, stdio: 'inherit' })
  if (error) console.error(`${command} could not be started: ${error.message}`)
  if (status !== 0) process.exit(status ?? 1)
}
