import { spawn, spawnSync, type ChildProcess, type StdioOptions } from 'node:child_process'
import { existsSync, mkdtempSync, statfsSync } from 'node:fs'
import { createServer, type AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Writable } from 'node:stream'
import { setTimeout } from 'node:timers/promises'

/** A server that a test started: on 127.0.0.1, on a port that was free, in a folder of its own. */
export interface TestServer {
  readonly port: number
  /** The process that listens, while one runs. */
  readonly pid: number | undefined
  /** Starts it again after `stop` or `kill`: same port, same data. */
  start(): Promise<void>
  /** Ends it in an orderly way, as a restart for an upgrade does. */
  stop(): Promise<void>
  /** Ends it with SIGKILL, as a crash does. */
  kill(): Promise<void>
  /** `stop`, then `start`. */
  restart(): Promise<void>
  /** Halts it with SIGSTOP, and its children: connections stay open, and get no answer. */
  freeze(): void
  /** Lets it go on after `freeze`. */
  thaw(): void
  /** Ends it and removes its folder. Call it when the tests are over. */
  close(): Promise<void>
}

/** How a server is run. */
export interface ServerCommand {
  readonly program: string
  readonly args: (port: number) => readonly string[]
  /** Whose rights it runs with, if not those of the tests. */
  readonly user?: { readonly uid: number; readonly gid: number } | undefined
  readonly env?: Readonly<Record<string, string>> | undefined
  /** What it writes, to either output, when it takes connections. */
  readonly ready: RegExp
  /** What makes it end in an orderly way. */
  readonly stopSignal: NodeJS.Signals
  /** Removes the files that it leaves. */
  readonly remove: () => Promise<void>
}

/** Starts a server on a free port. */
export async function startServer(command: ServerCommand): Promise<TestServer> {
  let port = await findFreePort()
  let running = await launch(command, port).catch(async () => {
    // Another process took the port between the check and the start: retry.
    port = await findFreePort()
    return launch(command, port)
  })

  async function stop(): Promise<void> {
    thaw()
    if (running.isAlive()) process.kill(running.pid, command.stopSignal)
    await running.ended
  }

  async function kill(): Promise<void> {
    if (!running.isAlive()) return
    // Its children would see the end of what they were doing, and keep its memory meanwhile.
    const children = childrenOf(running.pid)
    process.kill(running.pid, 'SIGKILL')
    for (const child of children) signalIfAlive(child, 'SIGKILL')
    await running.ended
  }

  async function start(): Promise<void> {
    if (running.isAlive()) return
    running = await launchAgain(20)
  }

  /** A killed process may not be quite gone, and the port may be in use for a moment. */
  async function launchAgain(tries: number): Promise<Running> {
    try {
      return await launch(command, port)
    } catch (error) {
      if (tries === 1) throw error
      await setTimeout(250)
      return launchAgain(tries - 1)
    }
  }

  function freeze(): void {
    // The parent first, or it could start another child meanwhile.
    process.kill(running.pid, 'SIGSTOP')
    for (const child of childrenOf(running.pid)) signalIfAlive(child, 'SIGSTOP')
  }

  function thaw(): void {
    if (!running.isAlive()) return
    for (const child of childrenOf(running.pid)) signalIfAlive(child, 'SIGCONT')
    process.kill(running.pid, 'SIGCONT')
  }

  return {
    port,
    get pid() {
      return running.isAlive() ? running.pid : undefined
    },
    start,
    stop,
    kill,
    async restart() {
      await stop()
      await start()
    },
    freeze,
    thaw,
    async close() {
      await stop()
      await command.remove()
    },
  }
}

interface Running {
  readonly pid: number
  readonly ended: Promise<void>
  isAlive(): boolean
}

// The shell becomes the server, and leaves a watcher that ends the server when these tests
// have gone without saying so: when their end of descriptor 3 closes and no line came.
const GUARDED = '( (read -r _ <&3 || { kill -s CONT $$; kill -s QUIT $$; }) & ); exec "$@" 3<&-'

async function launch(command: ServerCommand, port: number): Promise<Running> {
  const stdio: StdioOptions = ['ignore', 'pipe', 'pipe', 'pipe']
  const server = spawn('sh', ['-c', GUARDED, 'sh', command.program, ...command.args(port)], {
    ...command.user,
    env: { ...process.env, ...command.env },
    stdio,
  })
  const farewell = server.stdio[3] as Writable
  const ended = new Promise<void>((resolve) => {
    server.once('exit', () => {
      farewell.end('bye\n')
      resolve()
    })
    server.once('error', () => resolve())
  })
  farewell.on('error', () => {})
  await waitUntilReady(server, command, ended)
  const { pid } = server
  if (pid === undefined) throw new Error(`${command.program} did not start.`)
  return { pid, ended, isAlive: () => server.exitCode === null && server.signalCode === null }
}

function waitUntilReady(
  server: ChildProcess,
  command: ServerCommand,
  ended: Promise<void>,
): Promise<void> {
  return new Promise((resolve, reject) => {
    let log = ''
    function read(chunk: Buffer): void {
      log = `${log}${chunk.toString()}`.slice(-8000)
      if (command.ready.test(log)) resolve()
    }
    server.stdout?.on('data', read)
    server.stderr?.on('data', read)
    server.once('error', reject)
    void ended.then(() => reject(new Error(`${command.program} ended at once:\n${log}`)))
  })
}

const MEMORY = '/dev/shm'
const ROOM_BYTES = 4 * 1024 ** 3

/**
 * Makes a folder for the data of a server: in memory if there is room for those of a whole run, and the
 * run has no folder of its own. To fill it costs half a second less of CPU time than on a disk, and no
 * test is about a machine that loses its memory.
 */
export function makeServerFolder(prefix: string): string {
  const isInMemory = process.env['TMPDIR'] === undefined && existsSync(MEMORY)
  const { bavail, bsize } = isInMemory ? statfsSync(MEMORY) : { bavail: 0, bsize: 0 }
  return mkdtempSync(join(bavail * bsize >= ROOM_BYTES ? MEMORY : tmpdir(), prefix))
}

/** A port of 127.0.0.1 without a listener at this moment. */
export async function findFreePort(): Promise<number> {
  const probe = createServer()
  await new Promise<void>((resolve) => probe.listen(0, '127.0.0.1', resolve))
  const { port } = probe.address() as AddressInfo
  await new Promise<void>((resolve) => probe.close(() => resolve()))
  return port
}

function childrenOf(pid: number): number[] {
  const { stdout } = spawnSync('ps', ['-A', '-o', 'pid=,ppid='], { encoding: 'utf8' })
  return stdout
    .split('\n')
    .map((line) => line.trim().split(/\s+/).map(Number))
    .flatMap(([child, parent]) => (child !== undefined && parent === pid ? [child] : []))
}

function signalIfAlive(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal)
  } catch {
    // It ended in between.
  }
}
