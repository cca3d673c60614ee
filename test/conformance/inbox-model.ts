import * as fc from 'fast-check'
import { vi } from 'vitest'
import { commandsFor } from './inbox-commands.ts'
import type { Hold, InboxHost, InboxStore, OpenInbox } from './inbox-host.ts'
import type { Run } from './inbox-run.ts'

/** What a store should hold, as a map would have it. */
export interface Model {
  readonly hold: Hold
  readonly retentionSeconds: number
  /** Before every key, so that sequences share a store and nothing else. */
  readonly prefix: string
  /** Who holds a key now; `'dead'` for a process that died and left its lease behind. */
  readonly holders: Map<string, ModelRun | 'dead'>
  /** When a key was applied, by the clock of the store. */
  readonly appliedAt: Map<string, number>
  /**
   * Keys whose next run must be told that it takes over: a run began, and neither succeeded nor
   * failed. With the run where it still goes on and no other has begun: it may fail yet.
   */
  readonly unsettled: Map<string, ModelRun | 'for good'>
  /** Keys whose next run may be told so: the inbox cannot know that nothing was begun, or failed. */
  readonly suspects: Set<string>
  /** When a key was surely written last; a store forgets it after the retention. */
  readonly writtenAt: Map<string, number>
  /** How often the effect of a key stands. */
  readonly effects: Map<string, number>
  /** Runs whose work still waits, those among them that have lost their key. */
  readonly runs: ModelRun[]
  /** The clock of the store. */
  seconds: number
}

export interface ModelRun {
  readonly run: Run
  /** Which of the processes it runs in. */
  readonly process: number
  /** Effects that stand when its transaction commits, and not before. */
  pendingEffects: number
  /** Its connection was cut, or its lease is over. */
  isLost: boolean
  /** Its key is so old that the store has forgotten the run. */
  isForgotten: boolean
}

/** The store, and the processes that share it. */
export interface Real {
  readonly store: InboxStore
  readonly processes: OpenInbox[]
}

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
