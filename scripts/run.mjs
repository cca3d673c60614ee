// `npm start`, `npm test` and `npm run bench` on a machine that has only Node 20 or later and npm:
// take the Node and the pnpm that are here if they will do, fetch the pinned ones through npx if not,
// install what the script needs, run it.
// Plain JavaScript, because the Node that starts this file may not read TypeScript.
import { spawn } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { constants } from 'node:os'
import { fileURLToPath } from 'node:url'
import { windowsCommand } from './windows-command.mjs'

const NODE = 'node@24.21.0'
const NEEDS_LESS = new Set(['test:all', 'test:quick', 'bench:all', 'build'])
const NOT_NEEDED = ['test/integrations/*', 'docs', 'examples/next', 'examples/nest-prisma-mysql']

const root = fileURLToPath(new URL('..', import.meta.url))
const { packageManager } = JSON.parse(readFileSync(`${root}/package.json`, 'utf8'))
const [script, ...rest] = process.argv.slice(2)

// Ctrl-C reaches every process of the terminal: the one that runs ends, and then this one does.
let running
process.on('SIGINT', () => {})
process.on('SIGTERM', () => running?.kill('SIGTERM'))

const IF_NETWORK =
  'If it is the network: npm ping; and is the registry, or mirror, the right one? npm config get registry'

const missing = [
  // 22.18 and newer run TypeScript as it is.
  ...(process.features.typescript ? [] : [NODE]),
  ...((await isPnpmHere()) ? [] : [packageManager]),
]
if (missing.length === 0) console.error(`1/2 Node ${process.version} and ${packageManager}: here.`)
const path = missing.length === 0 ? process.env.PATH : await fetchTools(missing)

const env = { ...process.env, PATH: path }
console.error('2/2 Packages: fetched where missing, once, a minute or so ...')
await runQuietly('pnpm', ['install', '--frozen-lockfile', '--prefer-offline', ...partFor(script)], {
  // In CI pnpm asks nothing, and nobody could answer here.
  env: { ...env, CI: 'true' },
  complaint: `pnpm could not install the packages, for the reason above. ${IF_NETWORK}`,
})

const { status } = await run('pnpm', ['--silent', 'run', script, ...rest], {
  env,
  stdio: 'inherit',
})
process.exitCode = status

/** Whether the pnpm on the path, which may be Corepack's, is the one that package.json pins. */
async function isPnpmHere() {
  const unasked = { ...process.env, COREPACK_ENABLE_DOWNLOAD_PROMPT: '0' }
  const { stdout } = await run('pnpm', ['--version'], {
    env: unasked,
    stdio: ['ignore', 'pipe', 'ignore'],
  })
  return `pnpm@${stdout?.trim()}` === packageManager
}

/** Fetches tools through npx, and gives the path with which they are found. */
async function fetchTools(tools) {
  const names = tools.join(' and ')
  console.error(`1/2 ${names}: fetched where missing, once ...`)
  const packages = tools.flatMap((tool) => ['-p', tool])
  const print = ['--', 'node', '-p', 'process.env.PATH']
  const found = await runQuietly('npx', ['--yes', '--loglevel=error', ...packages, ...print], {
    env: process.env,
    complaint: `npm could not fetch ${names}. ${IF_NETWORK}`,
  })
  return found.trim()
}

/**
 * What a script needs installed, if that is less than everything. The demos need a fifth (150 MB of
 * 840), without the developers' tools; if those are here, `--prod` would remove them. The frameworks
 * and ORMs of test/integrations, and of the examples that it tests, are for those tests, and for what
 * reads all files; so are the tools of the site in docs.
 */
function partFor(name) {
  if (NEEDS_LESS.has(name)) return NOT_NEEDED.flatMap((folder) => ['--filter', `!./${folder}`])
  if (!name.startsWith('demo')) return []
  const examples = ['--filter', '@hongbao/example-*...']
  return existsSync(`${root}/node_modules/vitest`) ? examples : [...examples, '--prod']
}

/** Runs a command and gives its standard output; when it fails, shows all it said, complains and ends. */
async function runQuietly(command, args, { env: commandEnv, complaint }) {
  const options = { env: commandEnv, stdio: ['ignore', 'pipe', 'pipe'] }
  const result = await run(command, args, options)
  if (result.status !== 0) {
    // Nobody who pressed Ctrl-C wants to read what it broke.
    if (result.signal !== 'SIGINT') console.error(`${result.output}\n${complaint}`)
    process.exit(result.status)
  }
  return result.stdout
}

/** Runs a command in the workspace's root; a status is 128 + n where signal n ended it, as in shells. */
function run(command, args, options) {
  return new Promise((resolve) => {
    let stdout = ''
    let output = ''
    running = start(command, args, { cwd: root, ...options })
    running.stdout?.setEncoding('utf8').on('data', (text) => (stdout += text))
    for (const stream of [running.stdout, running.stderr]) {
      stream?.setEncoding('utf8').on('data', (text) => (output += text))
    }
    running.on('error', (error) => resolve({ status: 1, output: error.message }))
    running.on('close', (code, signal) => {
      resolve({ status: code ?? 128 + constants.signals[signal], signal, stdout, output })
    })
  })
}

function start(command, args, options) {
  if (process.platform !== 'win32') return spawn(command, args, options)
  return spawn(windowsCommand(command, args), { ...options, shell: true })
}
