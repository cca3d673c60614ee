import { fork } from 'node:child_process'
import { once } from 'node:events'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { setTimeout as wait } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import type { Setup } from './fixture.ts'
import { isOpen, readJournal, type Account } from './journal.ts'
import type { Order } from './points.ts'

/** One start of an app. */
export interface AppProcess {
  readonly number: number
  /** Its port, when it takes requests; undefined if it ended before. */
  readonly ready: Promise<number | undefined>
  /** Its error output, when it has ended. */
  readonly ended: Promise<string>
  /** Ends it: at a point, or as soon as a handler is in flight, and after a while in any case. */
  kill(aim?: Aim): Promise<void>
  /** Ends it now, in any state. */
  endNow(): Promise<void>
  /** Halts it: at a point, or as soon as a handler is in flight, and after a while in any case. */
  halt(aim?: Aim): Promise<void>
  goOn(): void
  /** Its journal so far. */
  account(): Account
}

/** At which point, and how often it may pass before. */
export type Aim = Pick<Order, 'point' | 'skip'>

const PROGRAM = fileURLToPath(new URL('app.ts', import.meta.url))
/** How long a process may take to come to a point: milliseconds, but seconds on a very busy machine. */
const PATIENCE_MS = 5000

/** @param folder where its journal goes, and the code that is compiled once for all starts */
export function startApp(folder: string, given: Omit<Setup, 'journal'>): AppProcess {
  const setup: Setup = { ...given, journal: join(folder, `process-${given.process}`) }
  // It may end before it has written anything.
  writeFileSync(setup.journal, '')
  const child = fork(PROGRAM, {
    execArgv: [],
    stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
    env: { NODE_COMPILE_CACHE: join(folder, 'compiled'), ...process.env, NODE_ENV: 'production' },
  })
  child.on('error', () => {})
  const end = (): unknown => child.kill('SIGKILL')
  process.once('exit', end)
  const lastWords = child.stderr === null ? '' : text(child.stderr)
  const ended = once(child, 'exit').then(() => {
    process.off('exit', end)
    return lastWords
  })
  const listening = once(child, 'message').then(([message]) => (message as { port: number }).port)
  child.send(setup, ignore)

  function order(signal: Order['signal'], aim: Aim): number {
    const untilMs = Date.now() + PATIENCE_MS
    const full: Order = { ...aim, signal, untilMs }
    if (child.connected) child.send(full, ignore)
    return untilMs
  }

  function account(): Account {
    return readJournal(setup.journal, setup.process)
  }

  function atWork(): Promise<void> {
    return until(Date.now() + PATIENCE_MS, () => account().runs.some(isOpen))
  }

  async function endNow(): Promise<void> {
    end()
    await ended
  }

  return {
    number: setup.process,
    ready: Promise.race([listening, ended.then(() => undefined)]),
    ended,
    async kill(aim) {
      if (aim === undefined) await atWork()
      else await Promise.race([ended, wait(order('SIGKILL', aim) - Date.now())])
      await endNow()
    },
    endNow,
    async halt(aim) {
      const before = account().signals.length
      if (aim === undefined) await atWork()
      else await until(order('SIGSTOP', aim), () => account().signals.length > before)
      child.kill('SIGSTOP')
    },
    goOn: () => void child.kill('SIGCONT'),
    account,
  }
}

/** A message to a process that has just ended is lost; without a callback its error would reject `ended`. */
function ignore(): void {}

/** Polls, because a process that is about to die sends no message. */
async function until(deadlineMs: number, isSo: () => boolean): Promise<void> {
  while (!isSo() && Date.now() < deadlineMs) await wait(5)
}
