import * as fc from 'fast-check'
import { vi } from 'vitest'
import { commandsFor } from './inbox-commands.ts'
import type { InboxHost, InboxStore, OpenInbox } from './inbox-host.ts'
import type { Model, Real } from './inbox-model.ts'

/**
 * Compares a store with the model over many sequences of commands. A failure prints its seed and the
 * shortest sequence that fails; `MODEL_SEED` runs a seed again, `MODEL_RUNS_FACTOR` runs more.
 */
export async function checkAgainstModel(host: InboxHost, store: InboxStore): Promise<void> {
  const { MODEL_SEED, MODEL_RUNS_FACTOR = '1' } = process.env
  const numRuns = host.modelRuns * Number(MODEL_RUNS_FACTOR)
  const seed = MODEL_SEED === undefined ? {} : { seed: Number(MODEL_SEED) }
  let sequence = 0
  const property = fc.asyncProperty(commandsFor(host.hold), async (commands) => {
    sequence += 1
    await runSequence(host, store, `sequence ${sequence}: `, commands)
  })
  // The clock of the processes jumps; the one of the store and the timers do not.
  vi.useFakeTimers({ toFake: ['Date'] })
  try {
    await fc.assert(property, { numRuns, ...seed })
  } finally {
    vi.useRealTimers()
  }
}

async function runSequence(
  { hold }: InboxHost,
  store: InboxStore,
  prefix: string,
  commands: Iterable<fc.AsyncCommand<Model, Real>>,
): Promise<void> {
  const processes = [await store.open()]
  if (hold !== 'process') processes.push(await store.open(), await store.open())
  const model: Model = {
    hold,
    retentionSeconds: (processes[0] as OpenInbox).retentionSeconds,
    prefix,
    holders: new Map(),
    appliedAt: new Map(),
    unsettled: new Map(),
    suspects: new Set(),
    writtenAt: new Map(),
    effects: new Map(),
    runs: [],
    seconds: 0,
  }
  try {
    await fc.asyncModelRun(() => ({ model, real: { store, processes } }), commands)
  } finally {
    await Promise.all(model.runs.map(({ run }) => run.fail(new Error('The sequence is over.'))))
    await Promise.all(processes.map((process) => process.close()))
  }
}
