import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { afterAll, expect, it, vi } from 'vitest'
import { codeBlocks, section } from './markdown.ts'
import { createWorkspace, readDocument, removeWorkspaces, ROOT } from './snippets.ts'
import { PATIENCE_MS } from '../patience.ts'

// The README's sixty seconds, as a reader would type them: the command line of the sandbox, and
// app.ts, each in a process of its own.

const BLOCKS = codeBlocks(section(readDocument('README.md'), '## Sixty seconds'))
const SHELL = BLOCKS.filter(({ language }) => language === 'sh').map(({ text }) => text.trim())
const SHOWN =
  BLOCKS.find(({ language }) => language === 'text')
    ?.text.trim()
    .split('\n') ?? []

const children: ChildProcess[] = []
afterAll(() => {
  for (const child of children) child.kill('SIGKILL')
  removeWorkspaces()
})

it('app.ts gets each order once, the sandbox prints what the README shows, and the app ends at SIGINT and SIGTERM', async () => {
  const { directory } = createWorkspace()
  const [appPort, sandboxPort] = [await freePort(), await freePort()]
  const [start = '', app = '', triggers = ''] = SHELL.map(toSource)

  const sandbox = run(`exec ${start} --port ${sandboxPort}`)
  await vi.waitFor(() => expect(sandbox.output()).toContain('/v1'), PATIENCE_MS)
  const [environment = '', program = ''] = app.split('\n')
  await run(environment).ended
  const server = await startApp()
  await run(triggers).ended

  await vi.waitFor(() => expect(linesOf(sandbox.output())).toEqual(SHOWN), PATIENCE_MS)
  const orders = server.output().match(/^sent \d+ 100$/gm) ?? []
  expect(orders).toHaveLength(2)
  expect(new Set(orders).size).toBe(2)
  server.child.kill('SIGINT')
  expect(await server.ended).toEqual([0, null])
  const again = await startApp()
  again.child.kill('SIGTERM')
  expect(await again.ended).toEqual([0, null])

  async function startApp() {
    const started = run(`exec ${program}`)
    await vi.waitFor(() => fetch(`http://localhost:${appPort}/`), PATIENCE_MS)
    return started
  }

  /** The command line from source, at ports of our own. */
  function toSource(commands: string): string {
    const cli = `"${process.execPath}" "${join(ROOT, 'packages/sandbox/src/cli.ts')}"`
    return commands
      .replaceAll('npx hongbao-sandbox', cli)
      .replaceAll('node --env-file', `"${process.execPath}" --env-file`)
      .replaceAll('localhost:3000', `localhost:${appPort}`)
  }

  function run(script: string) {
    const env = {
      ...process.env,
      PORT: String(appPort),
      HONGBAO_SANDBOX_URL: `http://127.0.0.1:${sandboxPort}`,
    }
    const child = spawn('sh', ['-e', '-c', script], { cwd: directory, env })
    children.push(child)
    let text = ''
    for (const stream of [child.stdout, child.stderr]) {
      stream.on('data', (chunk: Buffer) => {
        text += chunk.toString()
      })
    }
    return { child, output: () => text, ended: once(child, 'exit') }
  }
})

/** The lines about deliveries, without times and ids. */
function linesOf(output: string): string[] {
  const lines = output.matchAll(/^\d\d:\d\d:\d\d {2}([→←✓↻]) {2}evt_\w+ {2}(.+)$/gm)
  return [...lines].map(
    ([, mark, text = '']) => `${mark}  ${text.replace(/(?<=^200) {2}\d+ms/, '')}`,
  )
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0)
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  await once(server.close(), 'close')
  return port
}
