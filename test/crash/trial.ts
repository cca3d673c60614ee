import { mkdtempSync } from 'node:fs'
import { rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import { seeded } from '../../packages/core/test/seeded.ts'
import { startBalancer, type Balancer } from './balancer.ts'
import { createCleanup, type Cleanup, type Closable } from './cleanup.ts'
import { startFleet, type Fleet } from './fleet.ts'
import type { History } from './history.ts'
import { createNemesis, type Nemesis } from './nemesis.ts'
import { startSender, type Sender } from './sender.ts'
import { startServers, type Servers } from './servers.ts'
import { LEASE_MS, type Store } from './store.ts'
import type { StorePlan } from './stores.ts'

/** Options of {@link runTrial}. */
export interface TrialOptions {
  readonly name: string
  readonly plan: StorePlan
  /** How many events are sent. */
  readonly events: number
  /** How many kills must land while a handler is in flight. There are more until each point was met. */
  readonly kills: number
  readonly seed: number
  /** Ends the trial before it is over. */
  readonly signal: AbortSignal
}

/** The result of a trial. */
export interface Trial {
  readonly history: History
  /** How many notifications of the events were sent. */
  readonly notifications: number
  /** Requests that reached the balancer. */
  readonly requests: number
  /** Notifications that the schedule abandoned, and that were then sent by hand. */
  readonly givenUp: number
  /** The last output of apps that exited unexpectedly. */
  readonly crashes: readonly string[]
  readonly seconds: number
}

/**
 * Tests one store: apps that share it behind a load balancer, a sender that repeats, reorders and
 * loses answers, and a schedule that kills the apps, halts them, and restarts the servers.
 */
export async function runTrial(options: TrialOptions): Promise<Trial> {
  const { signal } = options
  const startedMs = performance.now()
  const cleanup = createCleanup()
  const { promise: failed, reject: fail } = Promise.withResolvers<never>()
  signal.throwIfAborted()
  signal.addEventListener('abort', () => fail(signal.reason), { once: true })

  async function perform(): Promise<Trial> {
    const scene = await openScene(options, cleanup, fail)
    await interrupt(options, scene)
    await scene.sender.settled()
    await scene.nemesis.atRest()
    await drain(scene)
    const seconds = (performance.now() - startedMs) / 1000
    return { ...(await conclude(scene)), seconds }
  }

  try {
    return await Promise.race([perform(), failed])
  } finally {
    await cleanup.close()
  }
}

/** All who take part. */
interface Scene {
  readonly store: Store
  readonly servers: Servers
  readonly balancer: Balancer
  readonly sender: Sender
  readonly fleet: Fleet
  readonly nemesis: Nemesis
}

async function openScene(
  { name, plan, seed }: TrialOptions,
  cleanup: Cleanup,
  onFailed: (error: Error) => void,
): Promise<Scene> {
  const { folder } = cleanup.own(createFolder())
  const servers = cleanup.own(await startServers(plan))
  const store = await plan.load()
  await store.prepare?.(servers)
  const balancer = cleanup.own(await startBalancer())
  const sender = cleanup.own(await startSender(balancer.url, seed))
  const { publicKey } = sender
  const { postgresUrl, redisPort, mariadbUrl } = servers
  const addresses = { postgresUrl, redisPort, mariadbUrl }
  const setup = { ...addresses, store: name, publicKey, clock: sender.clock() }
  const size = plan.processes
  const fleet = cleanup.own(startFleet({ size, balancer, folder, seed, setup, onFailed }))
  cleanup.own(letTimePass(store, servers))
  const nemesis = createNemesis(plan, fleet, servers, seeded(seed))
  return { store, servers, balancer, sender, fleet, nemesis }
}

function createFolder(): Closable & { readonly folder: string } {
  const folder = mkdtempSync(join(tmpdir(), 'hongbao-crash-'))
  return { folder, close: () => rm(folder, { recursive: true, force: true }) }
}

/** Passes time in the store, if that is needed, until it is closed. */
function letTimePass(store: Store, servers: Servers): Closable {
  const closed = new AbortController()

  async function pass(): Promise<void> {
    while (!closed.signal.aborted) {
      // Postgres may be away just now.
      await store.passTime?.(servers).catch(() => {})
      await wait(500)
    }
  }

  const passing = pass()
  return {
    close() {
      closed.abort()
      return passing
    },
  }
}

/** Of the events, so many are sent while apps are killed, and the others after that. */
const UNDER_FIRE = 0.9
/** Some kills find nothing in flight, or do not come to their point; so many tries have to do. */
const MAX_TRIES = 3
/** So often apps are halted and servers restarted, and in a short trial more often, so that it has some of each. */
const KILLS_PER_STOP = 5
const KILLS_PER_RESTART = 7
const FEWEST_STOPS = 4
const FEWEST_RESTARTS = 3

/** Tells of some events for every kill, so that kills and events come to their end together. */
async function interrupt(
  { events, kills }: TrialOptions,
  { sender, fleet, nemesis }: Scene,
): Promise<void> {
  const batch = Math.ceil((events * UNDER_FIRE) / kills)
  const killsPerStop = Math.min(KILLS_PER_STOP, Math.ceil(kills / FEWEST_STOPS))
  const killsPerRestart = Math.min(KILLS_PER_RESTART, Math.ceil(kills / FEWEST_RESTARTS))
  let inFlight = 0
  const isOver = (): boolean => inFlight >= kills && nemesis.unmetPoints().length === 0
  for (let tries = 1; !isOver() && tries <= kills * MAX_TRIES; tries += 1) {
    await fleet.ready()
    await sender.caughtUp()
    if (tries % killsPerStop === 0) await nemesis.stop()
    sender.allow(batch * tries)
    if (await nemesis.kill()) inFlight += 1
    if (tries % killsPerRestart === 0) await nemesis.restart()
  }
  sender.allow(events)
}

/** Waits until what was handed off has been applied. */
async function drain({ store, servers }: Scene): Promise<void> {
  while (((await store.countWaiting?.(servers)) ?? 0) > 0) await wait(100)
}

async function conclude({ balancer, sender, fleet, nemesis, servers }: Scene) {
  const { answered, requests } = balancer
  const history: History = {
    sent: sender.keys,
    answered,
    effects: await servers.readEffects(),
    runs: fleet.runs(),
    interruptions: [...fleet.interruptions, ...nemesis.restarts],
    leaseMs: LEASE_MS,
  }
  const { sent: notifications, givenUp } = sender
  return { history, notifications, givenUp, requests, crashes: fleet.crashes }
}
