import { setTimeout as wait } from 'node:timers/promises'
import { startApp, type Aim, type AppProcess } from './app-process.ts'
import type { Balancer } from './balancer.ts'
import type { Setup } from './fixture.ts'
import type { Interruption, Run } from './history.ts'
import { isOpen } from './journal.ts'

/** The apps of a trial. One that ends is replaced at once. */
export interface Fleet {
  /** Resolves when every app takes requests, except one if there are several. */
  ready(): Promise<void>
  /** Those that take requests, and that no fault is scheduled for. Throws when all is closed. */
  idle(): readonly App[]
  /** All that was done to them so far. */
  readonly interruptions: readonly Interruption[]
  /** The last output of those that exited although they were not ended. */
  readonly crashes: readonly string[]
  /** All that they have written down so far. */
  runs(): readonly Run[]
  close(): Promise<void>
}

/** An app that takes requests. */
export interface App {
  /** Ends it, at a point, or as soon as a handler is in flight. Says whether one was. */
  kill(aim?: Aim): Promise<boolean>
  /** Halts it, at a point, or as soon as a handler is in flight, for so long. */
  stop(forMs: number, aim?: Aim): Promise<void>
}

export interface FleetOptions {
  readonly size: number
  readonly balancer: Balancer
  readonly folder: string
  readonly seed: number
  /** The settings of a process, except those of its own. */
  readonly setup: Omit<Setup, 'framework' | 'process' | 'seed' | 'journal'>
  /** Told of what cannot go on. */
  readonly onFailed: (error: Error) => void
}

const FRAMEWORKS = ['express', 'koa', 'fastify', 'hono']
/** So many starts in a row may fail, while a server is away. */
const MAX_FAILED_STARTS = 50

interface Member {
  readonly app: AppProcess
  port: number | undefined
  /** Somebody halts or ends it. */
  isTaken: boolean
  hasEnded: boolean
}

export function startFleet(options: FleetOptions): Fleet {
  const { size, balancer, folder, seed, setup, onFailed } = options
  const slots: (Member | undefined)[] = Array.from({ length: size }, () => undefined)
  const started: AppProcess[] = []
  const interruptions: Interruption[] = []
  const crashes: string[] = []
  /** A fault of an app that has not ended. */
  const plans = new Set<Promise<unknown>>()
  let waiting: (() => void)[] = []
  let failedStarts = 0
  let isClosing = false

  /** Keeps a slot filled until the fleet is closed. */
  async function keep(slot: number): Promise<void> {
    while (!isClosing) {
      const member = launch(slot)
      slots[slot] = member
      member.port = await member.app.ready
      if (member.port === undefined) await failStart(member)
      else await serve(member, member.port)
    }
  }

  function launch(slot: number): Member {
    const number = started.length + 1
    const framework = FRAMEWORKS[slot % FRAMEWORKS.length] ?? ''
    const app = startApp(folder, { ...setup, framework, process: number, seed: seed + number })
    started.push(app)
    return { app, port: undefined, isTaken: false, hasEnded: false }
  }

  async function serve(member: Member, port: number): Promise<void> {
    failedStarts = 0
    balancer.add(port)
    tellReady()
    const lastWords = await member.app.ended
    member.hasEnded = true
    balancer.remove(port)
    if (member.isTaken || isClosing) return
    crashes.push(lastWords)
    interruptions.push({ kind: 'kill', process: member.app.number, point: 'crash' })
  }

  async function failStart({ app }: Member): Promise<void> {
    failedStarts += 1
    const lastWords = await app.ended
    if (failedStarts > MAX_FAILED_STARTS && !isClosing) {
      onFailed(new Error(`An app does not start:\n${lastWords}`))
      isClosing = true
    }
  }

  function isReady(): boolean {
    const serving = slots.filter((member) => member?.port !== undefined && !member.hasEnded)
    return serving.length >= Math.max(1, size - 1)
  }

  function tellReady(): void {
    if (!isReady()) return
    for (const resolve of waiting) resolve()
    waiting = []
  }

  async function kill(member: Member, aim: Aim | undefined): Promise<boolean> {
    const { app } = member
    member.isTaken = true
    await app.kill(aim)
    const { runs, signals } = app.account()
    const last = signals.at(-1)
    const point = last?.signal === 'SIGKILL' ? last.point : OUTSIDE
    interruptions.push({ kind: 'kill', process: app.number, point })
    return runs.some(isOpen)
  }

  async function stop(member: Member, forMs: number, aim: Aim | undefined): Promise<void> {
    const { app } = member
    member.isTaken = true
    await app.halt(aim)
    const fromMs = Date.now()
    await wait(forMs)
    const point = app.account().signals.at(-1)?.point ?? OUTSIDE
    interruptions.push({ kind: 'stop', process: app.number, point, fromMs, toMs: Date.now() })
    app.goOn()
    member.isTaken = false
  }

  function carryOut<Result>(plan: Promise<Result>): Promise<Result> {
    plans.add(plan)
    return plan.finally(() => plans.delete(plan))
  }

  function toApp(member: Member): App {
    return {
      kill: (aim) => carryOut(kill(member, aim)),
      stop: (forMs, aim) => carryOut(stop(member, forMs, aim)),
    }
  }

  const kept = Promise.all(slots.map((_, slot) => keep(slot)))
  return {
    async ready() {
      if (isReady()) return
      await new Promise<void>((resolve) => waiting.push(resolve))
    },
    idle() {
      if (isClosing) throw new Error('The fleet is closed.')
      return slots
        .filter((member) => member !== undefined)
        .filter(({ port, isTaken, hasEnded }) => port !== undefined && !isTaken && !hasEnded)
        .map(toApp)
    },
    interruptions,
    crashes,
    runs: () => started.flatMap((app) => app.account().runs),
    async close() {
      isClosing = true
      await Promise.all(slots.map(async (member) => member?.app.endNow()))
      await kept
      // They read what the apps have written, which is removed next.
      await Promise.allSettled(plans)
    },
  }
}

/** Where the moment was chosen at random. */
const OUTSIDE = 'outside'
