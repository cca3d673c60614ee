import type { Admission } from '@hongbao/core'

/** A kind of inbox with its real store: what the conformance suite of inboxes runs against. */
export interface InboxHost {
  readonly name: string
  /** How a run holds its key, which decides what happens when its process dies. */
  readonly hold: Hold
  /** How many sequences of commands the model is compared over. */
  readonly modelRuns: number
  start(): Promise<InboxStore>
}

/**
 * - `'process'`: the memory of one process, which is lost with it, with every record.
 * - `'lease'`: a lease in a shared store. After a crash the key is busy until the lease ends; an
 *   effect is in another system, and stays.
 * - `'transaction'`: a transaction in a shared store. After a crash the key is free, and the effect
 *   was never there.
 */
export type Hold = 'process' | 'lease' | 'transaction'

/** A store that the tests started, and a table of effects **without** a unique key: doubles show. */
export interface InboxStore {
  /**
   * An inbox over the store as one process has it, with connections of its own. Several may be open
   * at once, unless the hold is `'process'`.
   */
  open(): Promise<OpenInbox>
  /** How many times the effect of a key was applied. */
  countEffects(key: string): Promise<number>
  /**
   * As if the clock of the store had gone on by so many seconds: leases that end in that time end,
   * and what was applied is so much older.
   */
  advance(seconds: number): Promise<void>
  /** Deletes what is older than the retention, if the store does not do so by itself. */
  clean(): Promise<void>
  /**
   * Takes a key from the run that holds it, without its notice: its connection is cut, its lease
   * over. Resolves when the store has noticed. Never called if the hold is `'process'`.
   */
  takeAway(key: string): Promise<void>
  close(): Promise<void>
}

/** One process with its inbox. */
export interface OpenInbox {
  readonly retentionSeconds: number
  /** `inbox.admit`, with a way to apply the effect of the key through what the inbox lends. */
  admit(key: string, work: Work): Promise<Admission>
  /** `inbox.ready` and `inbox.flush`, if it has them. */
  readonly ready?: (() => Promise<void>) | undefined
  readonly flush?: (() => Promise<void>) | undefined
  /** Its connection to the store; only if the hold is `'lease'`. */
  readonly line?: Line
  /**
   * The process dies: its connections drop, its timers stop, its runs go no further. What their
   * `admit` does after that does not matter. Resolves when the store has noticed.
   */
  crash(): Promise<void>
  /** Ends the process in an orderly way, when no run is left. */
  close(): Promise<void>
}

/** The work of a run; `lease` only if the hold is `'lease'`. */
export type Work = (applyEffect: () => Promise<void>, lease?: RunLease) => Promise<void>

/** A run's access to its lease. */
export interface RunLease {
  /** What the inbox reports to the run: whether an earlier run of the key neither succeeded nor failed. */
  readonly isTakeover: boolean
  /** Renews the lease now, as a timer of the inbox does; returns whether the run holds the key then. */
  renew(): Promise<boolean>
}

/** A line to a store on which a message can be lost. */
export interface Line {
  /** The store carries out the next claim, and its answer is lost; or the next release is lost. */
  loseNext(message: 'claim-answer' | 'release'): void
  /** Resolves when every message was answered. */
  quiet(): Promise<void>
}
