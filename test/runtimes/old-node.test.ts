import { execFile, execFileSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { build } from 'tsup'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { PATIENCE_MS } from '../patience.ts'

const CORE = fileURLToPath(new URL('../../packages/core/src/index.ts', import.meta.url))

/** Starts as an app of 2023 does, and prints a line if nothing stopped it. */
const START = "createWebhooks({ publicKey: process.env.PINGPP_PUBLIC_KEY }); console.log('started')"
const APPS = {
  'app.mjs': `import { createWebhooks } from './index.mjs'\n${START}`,
  'app.cjs': `const { createWebhooks } = require('./index.cjs')\n${START}`,
}

/** This Node without what Node 20 lacks, and every older Node that the machine has. */
const OLD_NODES: readonly (readonly [name: string, file: string, args: readonly string[]])[] = [
  ['this Node without Promise.withResolvers', process.execPath, ['--require', './node20.cjs']],
  ...['/usr/bin/node', '/usr/local/bin/node', process.env['OLD_NODE'] ?? '']
    .filter(isOldNode)
    .map((file) => [`${file} ${versionOf(file)}`, file, []] as const),
]

let folder: string

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'hongbao-old-node-'))
  await build({
    entry: [CORE],
    outDir: folder,
    config: false,
    dts: false,
    silent: true,
    format: ['esm', 'cjs'],
    target: 'node22',
    noExternal: [/^(?!node:)/],
    outExtension: ({ format }) => ({ js: format === 'esm' ? '.mjs' : '.cjs' }),
  })
  await writeFile(join(folder, 'node20.cjs'), 'delete Promise.withResolvers')
  for (const [name, code] of Object.entries(APPS)) await writeFile(join(folder, name), code)
})

afterAll(async () => {
  await rm(folder, { recursive: true })
})

describe.each(OLD_NODES)('%s', (_, file, args) => {
  it.each(Object.keys(APPS))(
    'is refused at start-up in one sentence, and not at the first event: %s [G19]',
    async (app) => {
      const { code, stdout, stderr } = await run(file, [...args, app])
      const sentences = stderr.match(/^Error: .*$/gm)
      expect(sentences).toEqual([
        expect.stringMatching(
          /^Error: \[hongbao\] This is Node\.js v[\d.]+, but hongbao needs Node\.js 22\.12 or later\.$/,
        ),
      ])
      expect({ code, stdout }).toEqual({ code: 1, stdout: '' })
    },
  )
})

it.each(Object.keys(APPS))(
  'a Node version that is new enough starts up to the key check: %s',
  async (app) => {
    const { stderr } = await run(process.execPath, [app])
    expect(stderr).toContain("code: 'key-missing'")
  },
)

interface Ended {
  readonly code: number
  readonly stdout: string
  readonly stderr: string
}

function run(file: string, args: readonly string[]): Promise<Ended> {
  return new Promise((resolve) => {
    const options = { cwd: folder, env: {}, timeout: PATIENCE_MS }
    execFile(file, args, options, (error, stdout, stderr) => {
      resolve({ code: error === null ? 0 : Number(error.code), stdout, stderr })
    })
  })
}

function isOldNode(file: string): boolean {
  return existsSync(file) && Number.parseInt(versionOf(file).slice(1), 10) < 22
}

function versionOf(file: string): string {
  return execFileSync(file, ['--version'], { encoding: 'utf8', timeout: PATIENCE_MS }).trim()
}
