import type { Hold, InboxStore, OpenInbox } from './inbox-host.ts'
import type { Run } from './inbox-run.ts'

/** What a store should hold, as a map would have it. */
export interface Model {
  readonly hold: Hold
  readonly retentionSeconds: number
  /** Before every key, so that sequences share a store and nothing else. */
  readonly prefix: string
  /** Who holds a key now; `'dead'` for a process that died and left its lease. */
  readonly holders: Map<string, ModelRun | 'dead'>
  /** When a key was applied, by the clock of the store. */
  readonly appliedAt: Map<string, number>
  /**
   * Keys whose next run must have `isTakeover`: a run began, and neither succeeded nor
   * failed. With the run if it still goes on and no other has begun: it may fail yet.
   */
  readonly unsettled: Map<string, ModelRun | 'for good'>
  /** Keys whose next run may have it: the inbox cannot know that nothing was begun, or failed. */
  readonly suspects: Set<string>
  /** When a key was surely written last; a store forgets it after the retention. */
  readonly writtenAt: Map<string, number>
  /** How many effects a key has. */
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
