import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { delimiter, dirname, join } from 'node:path'
import { afterAll, expect, it, vi } from 'vitest'
import { PATIENCE_MS } from '../patience.ts'
import { startPostgres } from '../servers/postgres.ts'
import { findFreePort } from '../servers/server.ts'
import { codeBlocks, type CodeBlock } from './markdown.ts'
import { findTwoPorts, install, writeBlock } from './project.ts'
import { readDocument, ROOT } from './snippets.ts'

// docs/start.md, word by word, in an empty folder: its files are written, and its commands are typed, in
// the order of the page. Only what `npm install` would fetch is linked from the workspace.

const GUIDE = readDocument('docs/start.md')
const CLI = `"${process.execPath}" "${join(ROOT, 'packages/sandbox/src/cli.ts')}"`

const stops: (() => unknown)[] = []
afterAll(async () => {
  for (const stop of stops.toReversed()) await stop()
})

it('docs/start.md leads from an empty folder to an app on Postgres that applies each event once', async () => {
  const postgres = await startPostgres()
  stops.push(() => postgres.close())
  const reader = await createReader(await postgres.createDatabase())
  for (const block of codeBlocks(GUIDE)) await reader.follow(block)

  expect(reader.compared()).toBe(4)
  // The event whose reply was lost, and the one that came again to a new process.
  expect(reader.transcript().match(/"outcome":"duplicate"/g)).toHaveLength(2)
  const doctor = /`(npx hongbao-sandbox doctor [^`]+)`/.exec(GUIDE)?.[1] ?? ''
  expect(await reader.type(doctor)).toContain('genuine')
})

/** A program that a reader keeps running in a terminal. */
interface Program {
  readonly child: ChildProcess
  readonly output: () => string
}

/** Someone who has an empty folder, and does what the page says. */
async function createReader(databaseUrl: string) {
  const home = mkdtempSync(join(tmpdir(), 'hongbao-start-'))
  stops.push(() => rmSync(home, { recursive: true, force: true }))
  const [port, sandboxPort] = [await findTwoPorts(), await findFreePort()]
  const apps: Program[] = []
  let folder = home
  let [printed, transcript] = ['', '']
  let compared = 0

  async function follow(block: CodeBlock): Promise<void> {
    const { language, text } = block
    if (language === 'text') {
      compared += 1
      return expect(printed).toBe(text.trim())
    }
    if (language !== 'sh') return writeBlock(folder, block)
    for (const line of text.trim().split('\n')) {
      printed = await type(line)
      transcript += `${printed}\n`
    }
  }

  async function type(line: string): Promise<string> {
    const [command = '', ...words] = line.split(' ')
    if (command === 'cd') folder = join(folder, words[0] ?? '')
    else if (line.startsWith('npm install')) install(folder, words.slice(1))
    else if (line.includes('hongbao-sandbox start')) await startSandbox(line)
    else if (line.endsWith(' app.ts')) await startApp(line)
    else return runToEnd(line)
    return ''
  }

  async function startSandbox(line: string): Promise<void> {
    const program = launch(`exec ${toHere(line)} --port ${sandboxPort}`)
    await vi.waitFor(() => expect(program.output()).toContain('/v1'), PATIENCE_MS)
  }

  /** Ctrl+C ends the first app, and SIGKILL the second one. */
  async function startApp(line: string): Promise<void> {
    const before = apps.at(-1)
    if (before !== undefined) {
      const isFirst = apps.length === 1
      const ended = once(before.child, 'exit')
      before.child.kill(isFirst ? 'SIGINT' : 'SIGKILL')
      expect(await ended).toEqual(isFirst ? [0, null] : [null, 'SIGKILL'])
    }
    apps.push(launch(`exec ${toHere(line)}`))
    const ready = async () => (await fetch(`http://127.0.0.1:${port}/ready`)).status
    await vi.waitFor(async () => expect(await ready()).toBe(200), PATIENCE_MS)
  }

  async function runToEnd(line: string): Promise<string> {
    const { child, output } = launch(toHere(line))
    const [status] = (await once(child, 'close')) as [number | null]
    expect({ line, status, output: output() }).toMatchObject({ status: 0 })
    return output().trim()
  }

  /** The command as the reader types it, with the ports and the database of this run. */
  function toHere(line: string): string {
    return line
      .replaceAll('npx hongbao-sandbox', CLI)
      .replaceAll('localhost:3000', `localhost:${port}`)
      .replaceAll('localhost:3001', `localhost:${port + 1}`)
      .replaceAll('--target 3000', `--target ${port}`)
      .replaceAll(/postgres:\/\/[^']+/g, databaseUrl)
  }

  function launch(script: string): Program {
    const env = {
      ...process.env,
      PATH: [dirname(process.execPath), process.env['PATH']].join(delimiter),
      PORT: String(port),
      HONGBAO_SANDBOX_URL: `http://127.0.0.1:${sandboxPort}`,
    }
    const child = spawn('sh', ['-e', '-c', script], { cwd: folder, env })
    stops.push(() => child.kill('SIGKILL'))
    let text = ''
    for (const stream of [child.stdout, child.stderr]) {
      stream.on('data', (chunk: Buffer) => {
        text += chunk.toString()
      })
    }
    return { child, output: () => text }
  }

  return { follow, type, compared: () => compared, transcript: () => transcript }
}
