import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { writeFile } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import { createInterface } from 'node:readline'
import { Readable } from 'node:stream'
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
  'Cloudflare Workers (miniflare)': serveWorker,
  'Cloudflare Workers (workerd)': (bundle) => serveWorkerd(bundle),
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
  const stdio = ['ignore', 'pipe', 'pipe', 'pipe'] as const
  const child = spawn(command, args, { env, stdio: [...stdio], detached: true })
  return { url: await addressOf(child, binary), stop: () => stop(child) }
}

function addressOf(child: ChildProcess, binary: string): Promise<string> {
  const said: string[] = []
  return new Promise((resolve, reject) => {
    child.on('error', reject)
    child.on('exit', (status) =>
      reject(new Error(`${binary} ended (${status}):\n${said.join('\n')}`)),
    )
    for (const stream of child.stdio.slice(1)) {
      if (!(stream instanceof Readable)) continue
      createInterface(stream).on('line', (line) => {
        said.push(line)
        const port = /http:\/\/[\w.[\]:-]+?:(\d+)|"port":(\d+)/.exec(line)?.slice(1).find(Boolean)
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

/** The runtime of Cloudflare Workers without anything around it. */
export async function serveWorkerd(
  { path }: Bundle,
  compatibilityDate: string = COMPATIBILITY_DATE,
  variables: Readonly<Record<string, string>> = {},
): Promise<Running> {
  const bindings = Object.entries(variables).map(
    ([name, text]) => `(name = ${JSON.stringify(name)}, text = ${JSON.stringify(text)})`,
  )
  const config = `${path}.${compatibilityDate}.capnp`
  await writeFile(
    config,
    `using Workerd = import "/workerd/workerd.capnp";
const config :Workerd.Config = (
  services = [
    (name = "app", worker = .app),
    (name = "internet", network = (allow = ["public", "private"])),
  ],
  sockets = [(name = "http", address = "127.0.0.1:0", http = (), service = "app")],
);
const app :Workerd.Worker = (
  modules = [(name = "app.mjs", esModule = embed ${JSON.stringify(basename(path))})],
  compatibilityDate = ${JSON.stringify(compatibilityDate)},
  compatibilityFlags = ["nodejs_compat"],
  bindings = [${bindings.join(', ')}],
);
`,
  )
  return serve('workerd', ['serve', '--control-fd=3', config], path)
}

const COMPATIBILITY_DATE = '2026-07-01'

async function serveWorker({ code }: Bundle): Promise<Running> {
  const miniflare = new Miniflare({
    modules: [{ type: 'ESModule', path: 'app.mjs', contents: code }],
    compatibilityDate: COMPATIBILITY_DATE,
    compatibilityFlags: ['nodejs_compat'],
    // Without this, Miniflare asks Cloudflare where we are.
    cf: false,
  })
  const url = await miniflare.ready
  return { url: url.origin, stop: () => miniflare.dispose() }
}
