/** What happened in a trial, as it was seen. Nothing in here was concluded; the checker does that. */
export interface History {
  /** The inbox keys of everything that was sent. */
  readonly sent: ReadonlySet<string>
  /** The keys for which a 2xx reached the sender's side. */
  readonly answered: ReadonlySet<string>
  /** The effects of the handlers at the end. */
  readonly effects: readonly Effect[]
  /** Every run of a handler, as its process wrote it down. */
  readonly runs: readonly Run[]
  readonly interruptions: readonly Interruption[]
  /** How long a lease lasts, if there are leases. */
  readonly leaseMs: number
}

/** A row that a handler wrote. */
export interface Effect {
  readonly key: string
  /** Which app process wrote it; every start of one has a number of its own. */
  readonly process: number
}

/** A handler that was started. Times are in milliseconds since 1970, by the machine's clock. */
export interface Run {
  readonly process: number
  readonly key: string
  /** Whether it applied the event, or only handed it on to a queue. */
  readonly task: Task
  /** Whether it had `isTakeover`: an earlier run of the event neither succeeded nor failed. */
  readonly isTakeover: boolean
  /** When the inbox was called: its lease begins at some moment from then on. */
  readonly askedMs: number
  readonly startedMs: number
  /** When the store had confirmed it, or it had failed; undefined if the process never got there. */
  readonly endedMs: number | undefined
  /** When the inbox itself reported that its lease was lost. */
  readonly leaseLostMs: number | undefined
}

export type Task = 'apply' | 'hand-off'

/** Something that was done to processes or servers. */
export type Interruption = Kill | Stop | Restart

/** The end of an app process: by SIGKILL, or because it crashed by itself. */
export interface Kill {
  readonly kind: 'kill'
  readonly process: number
  /** The named point that it had come to, `outside` if it had come to none, or `crash`. */
  readonly point: string
}

/** An app process halted by SIGSTOP, and let go on. */
export interface Stop {
  readonly kind: 'stop'
  readonly process: number
  readonly point: string
  readonly fromMs: number
  readonly toMs: number
}

/** A server of the store that went away and came back. */
export interface Restart {
  readonly kind: 'restart'
  readonly server: string
  readonly how: 'crash' | 'orderly'
  readonly fromMs: number
  readonly toMs: number
}
