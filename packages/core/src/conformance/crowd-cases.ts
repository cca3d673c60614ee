import type { Admission } from '../inbox/inbox.ts'
import { expectSame } from './mismatch.ts'
import { settle } from './run.ts'
import { inTime, rejected, type Case, type Process, type Trial } from './trial.ts'

const RACE =
  'Ping++ may deliver an event twice at the same time. To check and then to write are two steps, between which another delivery starts: claim the key in one.'

export const CROWD_CASES: readonly Case[] = [
  {
    name: 'a hundred deliveries of a key at once run once, and the others are busy without waiting for the run',
    why: RACE,
    run: async (trial) => expectOneRun(trial, [await trial.open()]),
  },
  {
    name: 'a hundred deliveries of a key at once to four processes run once',
    why: RACE,
    isFor: ({ shared }) => shared,
    async run(trial) {
      const { open } = trial
      await expectOneRun(trial, [await open(), await open(), await open(), await open()])
    },
  },
  {
    name: 'a hundred keys at once, ten deliveries of each, are applied once each',
    why: RACE,
    async run(trial) {
      const first = await trial.open()
      const processes = trial.subject.shared ? [first, await trial.open()] : [first]
      const keys = Array.from({ length: 100 }, (_, index) => trial.key(`many ${index}`))
      // The deliveries of a key are far from each other.
      const deliveries = repeat(10 / processes.length, processes).flatMap((process) =>
        keys.map((key) => process.deliver(key)),
      )
      const answers = await Promise.all(deliveries)
      const applied = answers.filter((answer) => answer === 'applied').length
      expectSame('The number of keys that were applied', applied, 100)
      for (const key of keys) await trial.expectEffects(key, 1)
    },
  },
]

/** All but the one that runs are answered while that one still waits. */
async function expectOneRun(trial: Trial, processes: readonly Process[]): Promise<void> {
  const { timeoutMs } = trial.subject
  const key = trial.key('hundred')
  const end = Promise.withResolvers<void>()
  const known = Promise.withResolvers<void>()
  const answers: Admission[] = []
  let runs = 0

  async function deliver(process: Process): Promise<void> {
    const settlement = await settle(
      process.inbox.admit(key, async (context) => {
        runs += 1
        if (runs > 1) known.resolve()
        await trial.subject.effects.write(key, context)
        await end.promise
      }),
    )
    if ('error' in settlement) throw rejected(key, settlement.error)
    answers.push(settlement.admission)
    if (answers.length === 99) known.resolve()
  }

  const deliveries = Promise.all(repeat(100 / processes.length, processes).map(deliver))
  try {
    const known99 = Promise.race([known.promise, deliveries])
    await inTime(timeoutMs, '99 deliveries are answered while the work of one waits', known99)
    expectSame('The number of runs', runs, 1)
    expectSame('The answer of the others', [...new Set(answers)].join(', '), 'busy')
  } finally {
    end.resolve()
  }
  await inTime(timeoutMs, 'The delivery whose work has ended is answered', deliveries)
  expectSame('The answer of the run', answers.at(-1), 'applied')
  await trial.expectEffects(key, 1)
}

function repeat<Item>(times: number, items: readonly Item[]): Item[] {
  return Array.from({ length: times }, () => items).flat()
}
