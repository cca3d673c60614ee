import { spawn } from 'node:child_process'
import { once } from 'node:events'
import type { Readable } from 'node:stream'
import { text } from 'node:stream/consumers'
import { fileURLToPath } from 'node:url'
import { describe, expect, it } from 'vitest'
import { hasMariadb } from '../servers/mariadb.ts'
import { hasRedis } from '../servers/redis.ts'
import { STORES, type StorePlan } from './stores.ts'

export const PROGRAM: string = fileURLToPath(new URL('run.ts', import.meta.url))
/** After which the program ends a trial: a machine with thirty times as much to do as it can takes its time. */
const MINUTES = 40
export const PATIENCE_MS: number = (MINUTES + 5) * 60_000

/** The program's report on one store. */
export interface Outcome {
  readonly status: number | null
  /** The JSON line of the store. */
  readonly result: Readonly<Record<string, unknown>>
}

/** Runs the program as people do, with one store. */
export async function run(args: readonly string[], signal: AbortSignal): Promise<Outcome> {
  const program = spawn(process.execPath, [PROGRAM, ...args], {
    // By the channel it notices that the tests are gone.
    stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
    signal,
  })
  const read = async (stream: Readable | null): Promise<string> =>
    stream === null ? '' : await text(stream)
  const output = Promise.all([read(program.stdout), read(program.stderr)])
  const [status] = (await once(program, 'exit')) as [number | null]
  const [out, complaints] = await output
  const line = out.split('\n').find((each) => each.startsWith('{'))
  if (line === undefined) throw new Error(`There is no result, but:\n${complaints}`)
  return { status, result: JSON.parse(line) }
}

export function canRun({ needsRedis, needsMariadb = false }: StorePlan): boolean {
  return (hasRedis || !needsRedis) && (hasMariadb || !needsMariadb)
}

/**
 * Small trials of some stores; `npm run test:crash` is the large one. A test file each, so that they share the cores.
 *
 * There are as many kills as the store has points, so that each is met: a trial is in breach if one is not.
 * The two others are at any point or a random moment.
 */
export function describeTrials(...stores: readonly string[]): void {
  const plans = stores.flatMap((store) => {
    const plan = STORES[store]
    return plan === undefined ? [] : ([[store, plan]] as const)
  })
  if (plans.length !== stores.length) throw new Error(`Unknown store in ${stores.join(', ')}.`)

  describe.each(plans)('%s, while its processes are killed', (store, plan) => {
    it.runIf(canRun(plan))(
      `keeps its promise: ${plan.guarantee} [E5, E17, E22, E23, E34, E60]`,
      async ({ signal }) => {
        const kills = plan.points.length + 2
        const size = ['--events', `${EVENTS}`, '--kills', `${kills}`, '--minutes', `${MINUTES}`]
        const args = ['--stores', store, ...size]
        const { status, result } = await run(args, signal)
        const none = plan.guarantee === 'once' ? { doubles: 0 } : {}
        expect(result).toMatchObject({ breaches: [], lost: 0, undelivered: 0, crashes: 0, ...none })
        expect(result['killsInFlight']).toBeGreaterThanOrEqual(kills)
        expect(status).toBe(0)
      },
      PATIENCE_MS,
    )
  })
}

/**
 * Thirty and more for every kill, so that an app at which a kill is aimed passes the point often enough. A
 * recipe by hand breaks its promise with fewer (crash.test.ts).
 */
const EVENTS = 400
