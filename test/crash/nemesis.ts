import { setTimeout as wait } from 'node:timers/promises'
import type { Seeded } from '../../packages/core/test/seeded.ts'
import type { Aim } from './app-process.ts'
import type { App, Fleet } from './fleet.ts'
import type { Restart } from './history.ts'
import type { Servers } from './servers.ts'
import { LEASE_MS } from './store.ts'
import type { StorePlan } from './stores.ts'

/** Whoever wants the apps to fail; what it does next is decided by the seed. */
export interface Nemesis {
  /** Kills an app. Says whether a handler was in flight. */
  kill(): Promise<boolean>
  /** Halts an app for longer than a lease, without waiting until it continues. */
  stop(): Promise<void>
  /** Takes a server away and brings it back: by a crash and in an orderly way, in turn. */
  restart(): Promise<void>
  readonly restarts: readonly Restart[]
  /** Resolves when every halted app continues. */
  atRest(): Promise<void>
}

/** Longer than a lease, and than Postgres keeps a transaction in which nothing happens. */
const SHORTEST_STOP_MS = LEASE_MS + 200
/** Of a hundred, how many interruptions are at a named point; the others are at a random moment. */
const AT_POINT_PERCENT = 75

export function createNemesis(
  plan: Pick<StorePlan, 'points' | 'restarts'>,
  fleet: Fleet,
  servers: Servers,
  random: Seeded,
): Nemesis {
  const restarts: Restart[] = []
  const stops: Promise<void>[] = []
  let aims = 0

  /** Points in turn, so that each is met, however few interruptions there are. */
  function aim(): Aim | undefined {
    if (random.below(100) >= AT_POINT_PERCENT) return undefined
    aims += 1
    const point = plan.points[aims % plan.points.length]
    return point === undefined ? undefined : { point, skip: random.below(4) }
  }

  async function pickApp(): Promise<App> {
    while (fleet.idle().length === 0) await wait(20)
    return random.pick(fleet.idle())
  }

  return {
    async kill() {
      const app = await pickApp()
      return app.kill(aim())
    },
    async stop() {
      const app = await pickApp()
      stops.push(app.stop(SHORTEST_STOP_MS + random.below(800), aim()))
    },
    async restart() {
      const server = plan.restarts[restarts.length % plan.restarts.length]
      if (server === undefined) return
      const turn = Math.floor(restarts.length / plan.restarts.length)
      restarts.push(await servers.restart(server, turn % 2 === 0 ? 'crash' : 'orderly'))
    },
    restarts,
    async atRest() {
      await Promise.all(stops)
    },
  }
}
