import { availableParallelism, cpus } from 'node:os'
import { parseArgs } from 'node:util'
import { RECIPES, STORES, type StorePlan } from './stores.ts'
import { describeTimelines } from './timeline.ts'
import { runTrial } from './trial.ts'
import { formatJson, formatTable, judge, type Verdict } from './verdict.ts'

// node test/crash/run.ts [--events 20000] [--kills 200] [--stores postgres,redis] [--seed 1]
//
// Kills apps while they apply events, and counts what was lost or applied twice: a table for people,
// then one JSON line per store. The status is 1 if a promise was broken.

const { values } = parseArgs({
  options: {
    events: { type: 'string', default: '20000' },
    kills: { type: 'string', default: '200' },
    stores: { type: 'string', default: Object.keys(STORES).join(',') },
    seed: { type: 'string', default: String(Date.now() % 1_000_000) },
    minutes: { type: 'string', default: '20' },
  },
})
const events = readCount('events')
const kills = readCount('kills')
const seed = readCount('seed')
const minutes = readCount('minutes')
const plans = readStores()

const interrupted = new AbortController()
for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  process.once(signal, () => interrupted.abort(new Error(`Ended by ${signal}.`)))
}
process.once('disconnect', () => interrupted.abort(new Error('The tests are gone.')))
process.channel?.unref()

console.error(`Seed ${seed}: --seed ${seed} makes the same choices again.`)
const verdicts: Verdict[] = []
for (const [name, plan] of plans) {
  if (interrupted.signal.aborted) break
  console.error(`${plan.title}: ${events} events, ${kills} kills …`)
  const verdict = await tryStore(name, plan)
  if (verdict === undefined) process.exitCode = 1
  else verdicts.push(verdict)
}

console.log(`Node ${process.version}, ${cpus()[0]?.model}, ${availableParallelism()} cores\n`)
console.log(`${formatTable(verdicts)}\n`)
for (const verdict of verdicts) console.log(formatJson(verdict))

/** Undefined if the trial could not be completed. */
async function tryStore(name: string, plan: StorePlan): Promise<Verdict | undefined> {
  const signal = AbortSignal.any([interrupted.signal, AbortSignal.timeout(minutes * 60_000)])
  try {
    const trial = await runTrial({ name, plan, events, kills, seed, signal })
    const verdict = judge({ name, plan, kills, seed }, trial)
    const timelines = describeTimelines(trial.history, verdict.findings)
    for (const line of [...verdict.breaches, ...timelines]) console.error(`  ${line}`)
    if (verdict.breaches.length > 0) process.exitCode = 1
    return verdict
  } catch (error) {
    console.error(`  No result: ${String(error)}`)
    return undefined
  }
}

function readStores(): readonly (readonly [string, StorePlan])[] {
  const all = { ...STORES, ...RECIPES }
  return values.stores.split(',').map((name) => {
    const plan = all[name]
    if (plan !== undefined) return [name, plan]
    return fail(`There is no store "${name}". There are: ${Object.keys(all).join(', ')}.`)
  })
}

function readCount(name: 'events' | 'kills' | 'seed' | 'minutes'): number {
  const count = Number(values[name])
  if (Number.isSafeInteger(count) && count >= 1) return count
  return fail(`--${name} must be a whole number, 1 or more.`)
}

function fail(message: string): never {
  console.error(message)
  process.exit(2)
}
