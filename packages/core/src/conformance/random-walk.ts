import type { Admission } from '../inbox/inbox.ts'
import { expectAdmission, expectError } from './key-cases.ts'
import { expectSame, Mismatch, show } from './mismatch.ts'
import { seeded, type Seeded } from './seeded.ts'
import type { Case, Process, Trial, WaitingRun } from './trial.ts'

const STEPS = 30
const NAMES = ['red_a', 'red_A', '红包', '紅包']

/** Deliveries, failures and duplicates in random order, compared with a model: a set and a map. */
export const WALK_CASE: Case = {
  name: 'deliveries, failures and duplicates in any order are answered as a set of applied keys answers them',
  why: 'Some faults need a certain order of events, such as a failure between two redeliveries.',
  isFor: ({ walks }) => walks > 0,
  async run(trial) {
    const { seed, walks, shared } = trial.subject
    const first = await trial.open()
    const processes = shared ? [first, await trial.open(), await trial.open()] : [first]
    for (let index = 0; index < walks; index += 1) {
      await checkWalk(trial, processes, seed + index)
    }
  },
}

/** The model: what the inbox must know after the steps that were taken. */
interface Walk {
  readonly trial: Trial
  readonly random: Seeded
  readonly processes: readonly Process[]
  readonly applied: Set<string>
  readonly running: Map<string, WaitingRun>
  readonly taken: string[]
}

type Running = readonly [name: string, run: WaitingRun]

async function checkWalk(trial: Trial, processes: readonly Process[], seed: number): Promise<void> {
  const random = seeded(seed)
  const walk: Walk = {
    trial: { ...trial, key: (name) => trial.key(`${seed}:${name}`) },
    random,
    processes,
    applied: new Set(),
    running: new Map(),
    taken: [],
  }
  try {
    while (walk.taken.length < STEPS) await random.pick(CHOICES)(walk)
    for (const running of walk.running) await finish(walk, running)
  } catch (error) {
    const { expected, happened } =
      error instanceof Mismatch ? error : new Mismatch('All steps end.', `${show(error)}.`)
    const steps = `Steps: ${walk.taken.join(', ')}. To repeat them, pass \`seed: ${seed}, walks: 1\`.`
    throw new Mismatch(expected, `${happened}\n${steps}`, error)
  }
}

async function deliver(walk: Walk): Promise<void> {
  const { process, name, key, known } = choose(walk, 'deliver')
  expectSame('The answer', await process.deliver(key), known ?? 'applied')
  if (known !== undefined) return
  walk.applied.add(name)
  await walk.trial.expectEffects(key, 1)
}

async function start(walk: Walk): Promise<void> {
  const { process, name, key, known } = choose(walk, 'start')
  const run = await process.start(key)
  expectSame('The answer', run.answer, known ?? 'started')
  if (known === undefined) walk.running.set(name, run)
}

async function failAtOnce(walk: Walk): Promise<void> {
  const { process, key, known } = choose(walk, 'deliver and fail')
  const error = new Error('declined')
  const settlement = await process.admit(key, () => Promise.reject(error))
  if (known === undefined) expectError(settlement, error)
  else expectAdmission(settlement, known)
}

async function finishAny(walk: Walk): Promise<void> {
  if (walk.running.size > 0) await finish(walk, walk.random.pick([...walk.running]))
}

async function finish(walk: Walk, [name, run]: Running): Promise<void> {
  end(walk, name, 'finish')
  await run.writeEffect()
  expectAdmission(await run.finish(), 'applied')
  walk.applied.add(name)
  await walk.trial.expectEffects(run.key, 1)
}

async function failAny(walk: Walk): Promise<void> {
  if (walk.running.size === 0) return
  const [name, run] = walk.random.pick([...walk.running])
  end(walk, name, 'fail')
  const error = new Error('declined')
  expectError(await run.fail(error), error)
  await walk.trial.expectEffects(run.key, 0)
}

/** Deliveries come more often: their answers are what is compared. */
const CHOICES = [deliver, deliver, start, start, failAtOnce, finishAny, failAny]

interface Choice {
  readonly process: Process
  readonly name: string
  readonly key: string
  /** The answer of the model; undefined if the work must run. */
  readonly known: Admission | undefined
}

function choose(walk: Walk, step: string): Choice {
  const { random, processes, applied, running, taken, trial } = walk
  const process = random.pick(processes)
  const name = random.pick(NAMES)
  taken.push(`${step} ${name} in process ${processes.indexOf(process) + 1}`)
  const known = running.has(name) ? 'busy' : applied.has(name) ? 'duplicate' : undefined
  return { process, name, key: trial.key(name), known }
}

function end({ running, taken }: Walk, name: string, step: string): void {
  taken.push(`${step} ${name}`)
  running.delete(name)
}
