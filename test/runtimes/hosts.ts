import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { dirname, join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { Miniflare } from 'miniflare'
import type { Bundle } from './bundle.ts'

/** A runtime that serves the app over HTTP. */
export interface Running {
  readonly url: string
  stop(): Promise<void>
}

/** Runtime → how it serves a bundle. */
export const HOSTS: Readonly<Record<string, (bundle: Bundle) => Promise<Running>>> = {
  Bun: ({ path }) => serve('bun', ['run', path], path),
  Deno: ({ path }) =>
    serve('deno', ['serve', '--allow-net=127.0.0.1', '--host=127.0.0.1', '--port=0', path], path),
  'Cloudflare Workers': serveWorker,
}

/** Starts a runtime that npm installed; it prints the address that it chose. */
async function serve(binary: string, args: readonly string[], path: string): Promise<Running> {
  const command = fileURLToPath(new URL(`../node_modules/.bin/${binary}`, import.meta.url))
  const env = {
    PATH: process.env['PATH'],
    HOME: dirname(path),
    NODE_ENV: 'production',
    NO_COLOR: '1',
    BUN_PORT: '0',
    DENO_DIR: join(dirname(path), 'deno'),
    DENO_NO_UPDATE_CHECK: '1',
  }
  const child = spawn(command, args, { env, stdio: ['ignore', 'pipe', 'pipe'], detached: true })
  return { url: await addressOf(child, binary), stop: () => stop(child) }
}

function addressOf(child: ChildProcess, binary: string): Promise<string> {
  const said: string[] = []
  return new Promise((resolve, reject) => {
    child.on('error', reject)
    child.on('exit', (status) =>
      reject(new Error(`${binary} ended (${status}):\n${said.join('\n')}`)),
    )
    for (const stream of [child.stdout, child.stderr]) {
      if (stream === null) continue
      createInterface(stream).on('line', (line) => {
        said.push(line)
        const port = /http:\/\/[\w.[\]:-]+?:(\d+)/.exec(line)?.[1]
        if (port !== undefined) resolve(`http://127.0.0.1:${port}`)
      })
    }
  })
}

// npm's launcher starts the real binary as a child of its own, so the whole group is stopped.
async function stop(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.pid === undefined) return
  const exit = once(child, 'exit')
  process.kill(-child.pid, 'SIGKILL')
  await exit
}

async function serveWorker({ code }: Bundle): Promise<Running> {
  const miniflare = new Miniflare({
    modules: [{ type: 'ESModule', path: 'app.mjs', contents: code }],
    compatibilityDate: '2026-07-01',
    compatibilityFlags: ['nodejs_compat'],
    // Without this, Miniflare asks Cloudflare where we are.
    cf: false,
  })
  const url = await miniflare.ready
  return { url: url.origin, stop: () => miniflare.dispose() }
}
