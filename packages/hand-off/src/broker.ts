import type { DeadLetter } from './dead-letters.ts'
import type { EventJob } from './event-job.ts'
import type { JobVerdict } from './verdict.ts'
import type { Warn } from './warnings.ts'

/**
 * What a broker does for a queue of events. `persist` and `take` are all that receiving and applying
 * need; a queue without the others rejects the calls that need them.
 */
export interface EventBroker {
  /** The name of the queue in log lines, the same in every process: `'rabbitmq:webhooks'`. */
  readonly name: string
  /**
   * Stores a job and resolves once the broker has confirmed it; JSON keeps all of it. Ping++ gets its
   * 200 then. If it rejects, or takes longer than `confirmTimeoutMs`, Ping++ gets a 500 and sends again.
   *
   * `job.key` is the idempotency key. A broker that can, keeps one job for each, and wakes the one that
   * is a dead letter; for one that cannot, the inbox of the workers removes duplicates.
   */
  persist(job: EventJob): Promise<unknown>
  /** Starts taking jobs, and gives each to `work.run`. */
  take(work: Work): Consumer | Promise<Consumer>
  /** The dead letters, the oldest first. */
  deadLetters?(selection: { readonly limit: number }): Promise<DeadLetter[]>
  /** Lets dead letters be tried again, the oldest first; resolves with how many there were. */
  redrive?(selection: RedriveSelection): Promise<number>
  /** Rejects if no job could be stored now, with an error that says what to do. */
  ready?(): Promise<unknown>
  /** Ends the connections that the broker opened. */
  close?(): Promise<unknown>
}

/** Which dead letters are meant. */
export interface RedriveSelection {
  readonly jobIds: readonly string[] | undefined
  readonly limit: number
}

/** What a worker wants of its broker. */
export interface Work {
  /** How many jobs to run at a time. */
  readonly concurrency: number
  /**
   * Applies a job. Never rejects. `fate` says what to do with it: `done` acknowledges it, `again`
   * returns it for another try, `dead` makes it a dead letter; `onDeadLetter` has been called by then.
   */
  run(job: TakenJob): Promise<JobVerdict>
  /** Tells `onDeadLetter` of a job that the broker itself has given up. */
  tell(letter: DeadLetter, cause?: unknown): Promise<void>
  /** Tells `onWarning`. */
  readonly warn: Warn
}

/** A job that a worker has taken. */
export interface TakenJob {
  /** What `redrive` takes. */
  readonly id: string
  /** What `persist` was given, or its JSON as a text. It is checked: it may be anything. */
  readonly data: unknown
  /** Which try this is, from 1. */
  readonly attempt: number
  /** Whether it is the last one. Default: `false`; the broker then counts by itself, or tries for ever. */
  readonly isLast?: boolean | undefined
  /** How long to hold it while its handlers run, past `handlerTimeoutMs` or not. Default: 900,000 (15 min). */
  readonly timeoutMs?: number | undefined
}

/** What takes jobs. */
export interface Consumer {
  /** Takes no more jobs, and resolves when those that run are confirmed. */
  close(): Promise<unknown>
  /** Cuts the connections; called if `close` has not resolved in time. */
  abandon?(): void
}
