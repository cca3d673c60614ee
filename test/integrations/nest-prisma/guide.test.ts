import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, mkdtempSync, readFileSync, realpathSync, writeFileSync } from 'node:fs'
import { rm } from 'node:fs/promises'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { createConnection } from 'mysql2/promise'
import { afterAll, beforeAll, expect, it, vi } from 'vitest'
import { codeBlocks } from '../../docs/markdown.ts'
import { readDocument, ROOT } from '../../docs/snippets.ts'
import { PATIENCE_MS } from '../../patience.ts'
import { startMariadb, type MariadbServer } from '../../servers/mariadb.ts'
import { installHongbao, linkPackages } from '../nest-11/project.ts'

// docs/nest-prisma-mysql.md as a reader would type it, its files and its commands in their order. Two
// commands are replaced: `npm install` by a link to the package of the workspace, and
// `prisma migrate deploy`, which fetches an engine, by the migration itself.

const BLOCKS = codeBlocks(readDocument('docs/nest-prisma-mysql.md'))
const MANIFEST = readFileSync(join(import.meta.dirname, 'package.json'), 'utf8')
const children: ChildProcess[] = []
let parent: string
let mariadb: MariadbServer
let ports: { readonly app: number; readonly sandbox: number }

beforeAll(async () => {
  parent = mkdtempSync(join(realpathSync(tmpdir()), 'hongbao-guide-'))
  mariadb = await startMariadb()
  ports = { app: await freePort(), sandbox: await freePort() }
  const connection = await createConnection(mariadb.url)
  await connection.query('create database shop')
  await connection.end()
})
afterAll(async () => {
  for (const child of children) child.kill('SIGKILL')
  await mariadb.close()
  await rm(parent, { recursive: true, force: true })
})

it('docs/nest-prisma-mysql.md leads from an empty folder to one row for an event that came twice', async () => {
  const [project = '', tables = '', sandbox = '', app = '', event = ''] = commands()
  await runLines(parent, project)
  const folder = join(parent, 'shop')
  expect(writeFiles(folder)).toContain('prisma.config.ts')
  await runLines(folder, tables)

  const running = start(folder, sandbox)
  await vi.waitFor(() => expect(running.output()).toContain('/v1'), PATIENCE_MS)
  const lines = app.trim().split('\n')
  const program = lines.pop() ?? ''
  await runLines(folder, lines.join('\n'))
  const server = start(folder, program)
  await vi.waitFor(() => fetch(`http://localhost:${ports.app}/`), PATIENCE_MS)

  const [trigger = '', resend = '', show = '', select = ''] = event.trim().split('\n')
  await runLines(folder, trigger)
  await runLines(folder, resend)
  await vi.waitFor(() => expect(running.output().match(/← .* 200 /g)).toHaveLength(2), PATIENCE_MS)
  const answers = (await runLines(folder, show)).match(/"outcome":"\w+"/g)
  expect(answers).toEqual(['"outcome":"handled"', '"outcome":"duplicate"'])
  const rows = (await runLines(folder, select)).trim().split('\n')
  expect(rows).toEqual([
    expect.stringContaining('order_no'),
    expect.stringMatching(/^1\t.+\tsent$/),
  ])

  server.child.kill('SIGTERM')
  await once(server.child, 'exit')
})

function commands(): string[] {
  return BLOCKS.filter(({ language }) => language === 'sh').map(({ text }) => text)
}

/** Writes the blocks whose first line is a comment with a path. Returns the paths. */
function writeFiles(folder: string): string[] {
  return BLOCKS.flatMap(({ text }) => {
    const path = /^(?:\/\/|--) ([\w./-]+\.\w+)\n/.exec(text)?.[1]
    if (path === undefined) return []
    mkdirSync(dirname(join(folder, path)), { recursive: true })
    writeFileSync(join(folder, path), text)
    return [path]
  })
}

/** Runs commands one after another. Returns what they print. */
async function runLines(folder: string, lines: string): Promise<string> {
  const outputs: string[] = []
  let place = folder
  for (const line of lines.trim().split('\n')) {
    outputs.push(await runLine(place, line))
    place = join(place, / cd (\w+)$/.exec(line)?.[1] ?? '')
  }
  return outputs.join('')
}

async function runLine(folder: string, line: string): Promise<string> {
  if (line.startsWith('npm install ')) return install(folder, line)
  if (line === 'npx prisma migrate deploy') return migrate(folder)
  const { child, output } = start(folder, line)
  const [code] = (await once(child, 'close')) as [number | null]
  expect([line, code, code === 0 ? '' : output()]).toEqual([line, 0, ''])
  return output()
}

/** Links what the integration has of it, and compiles ours. */
async function install(folder: string, line: string): Promise<string> {
  const names = line.split(' ').filter((word) => !/^(?:npm|install|--.*)$/.test(word))
  const { devDependencies } = JSON.parse(MANIFEST) as { devDependencies: object }
  expect(Object.keys(devDependencies)).toEqual(expect.arrayContaining(names))
  const home = join(folder, 'node_modules')
  if (names.includes('@nestjs/core')) await linkPackages(import.meta.dirname, folder)
  if (names.includes('@hongbao/sql')) await installHongbao(folder, ['core', 'nest', 'sql'])
  expect(names.filter((name) => !isInstalled(home, name))).toEqual([])
  return ''
}

/** The sandbox runs from its source. */
function isInstalled(home: string, name: string): boolean {
  return name === '@hongbao/sandbox' || readFileSync(join(home, name, 'package.json')).length > 0
}

async function migrate(folder: string): Promise<string> {
  const migration = 'prisma/migrations/20261201000000_shop/migration.sql'
  const uri = mariadb.url.replace('/test', '/shop')
  const connection = await createConnection({ uri, multipleStatements: true })
  await connection.query(readFileSync(join(folder, migration), 'utf8'))
  await connection.end()
  return ''
}

/** Starts a command line, with servers at ports of our own. */
function start(folder: string, line: string) {
  const node = `"${process.execPath}"`
  const database = new URL(mariadb.url).port
  const script = line
    .replaceAll('npx hongbao-sandbox', `${node} "${join(ROOT, 'packages/sandbox/src/cli.ts')}"`)
    .replace('npx prisma', `${node} node_modules/prisma/build/index.js`)
    .replace('npx tsc', `${node} node_modules/typescript/bin/tsc`)
    .replace(/^node /, `${node} `)
    .replace('127.0.0.1:3306', `127.0.0.1:${database}`)
    .replace('localhost:3000', `localhost:${ports.app}`)
    .replace(/^mysql /, `mariadb --no-defaults --batch --port=${database} `)
    .replace(/ start --target.*/, `$& --port ${ports.sandbox}`)
  const env = {
    ...process.env,
    PORT: String(ports.app),
    HONGBAO_SANDBOX_URL: `http://127.0.0.1:${ports.sandbox}`,
    PRISMA_SCHEMA_ENGINE_BINARY: process.execPath,
    CHECKPOINT_DISABLE: '1',
  }
  // The program itself, so that it can be ended.
  const isProgram = /^(?:node |npx hongbao-sandbox start)/.test(line)
  const child = spawn('sh', ['-e', '-c', isProgram ? `exec ${script}` : script], {
    cwd: folder,
    env,
  })
  children.push(child)
  let text = ''
  for (const stream of [child.stdout, child.stderr]) {
    stream.on('data', (chunk: Buffer) => {
      text += chunk.toString()
    })
  }
  return { child, output: () => text }
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0)
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  await once(server.close(), 'close')
  return port
}
