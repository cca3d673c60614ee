import { setTimeout as wait } from 'node:timers/promises'
import type { Seeded } from '../../packages/core/test/seeded.ts'
import type { Aim } from './app-process.ts'
import type { App, Fleet } from './fleet.ts'
import type { Interruption, Restart } from './history.ts'
import type { Point } from './points.ts'
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
  /** The points of the store to which no kill has come yet. */
  unmetPoints(): readonly Point[]
  /** Resolves when every halted app continues. */
  atRest(): Promise<void>
}

/** Longer than a lease, and than Postgres keeps a transaction in which nothing happens. */
const SHORTEST_STOP_MS = LEASE_MS + 200
/**
 * Of a hundred stops, and of a hundred kills once every point was met, how many are at a named point; the
 * others are at a random moment.
 */
const AT_POINT_PERCENT = 75

export function createNemesis(
  plan: Pick<StorePlan, 'points' | 'restarts'>,
  fleet: Fleet,
  servers: Servers,
  random: Seeded,
): Nemesis {
  const restarts: Restart[] = []
  const stops: Promise<void>[] = []
  // Stops have their own turns: with those of kills they would take points away from them.
  let aimedKills = 0
  let aimedStops = 0

  function unmetPoints(): readonly Point[] {
    return findUnmet(plan.points, fleet.interruptions)
  }

  /** A kill that does not come to its point leaves it unmet, and a later one is aimed at it again. */
  function aimKill(): Aim | undefined {
    const unmet = unmetPoints()
    if (unmet.length === 0 && isAtRandom()) return undefined
    return aimAt(inTurn(unmet.length > 0 ? unmet : plan.points, (aimedKills += 1)))
  }

  function aimStop(): Aim | undefined {
    return isAtRandom() ? undefined : aimAt(inTurn(plan.points, (aimedStops += 1)))
  }

  function isAtRandom(): boolean {
    return random.below(100) >= AT_POINT_PERCENT
  }

  function aimAt(point: Point | undefined): Aim | undefined {
    return point === undefined ? undefined : { point, skip: random.below(4) }
  }

  async function pickApp(): Promise<App> {
    while (fleet.idle().length === 0) await wait(20)
    return random.pick(fleet.idle())
  }

  return {
    async kill() {
      const app = await pickApp()
      return app.kill(aimKill())
    },
    async stop() {
      const app = await pickApp()
      stops.push(app.stop(SHORTEST_STOP_MS + random.below(800), aimStop()))
    },
    async restart() {
      const server = plan.restarts[restarts.length % plan.restarts.length]
      if (server === undefined) return
      const turn = Math.floor(restarts.length / plan.restarts.length)
      restarts.push(await servers.restart(server, turn % 2 === 0 ? 'crash' : 'orderly'))
    },
    restarts,
    unmetPoints,
    async atRest() {
      await Promise.all(stops)
    },
  }
}

/** The points to which no kill has come. */
export function findUnmet(
  points: readonly Point[],
  interruptions: readonly Interruption[],
): readonly Point[] {
  const kills = interruptions.filter((each) => each.kind === 'kill')
  return points.filter((point) => kills.every((kill) => kill.point !== point))
}

function inTurn<Item>(items: readonly Item[], turn: number): Item | undefined {
  return items[turn % items.length]
}
