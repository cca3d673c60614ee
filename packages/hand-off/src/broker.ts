import type { DeadLetter, ReportDeadLetter } from './dead-letters.ts'
import type { ReportWarning } from './errors.ts'
import type { EventJob } from './event-job.ts'

/**
 * What a broker does for a queue of events. Receivers need `persist`, workers need `take`; calls of the
 * queue that need one of the others reject if the broker does not have it. `Code` are its warnings.
 */
export interface EventBroker<Code extends string = string> {
  /** The name of the queue in log lines, the same in every process: `'rabbitmq:webhooks'`. */
  readonly name: string
  /**
   * Stores a job, which is JSON. Resolves when the broker has confirmed it: then Ping++ gets its 200.
   * If it rejects, or takes longer than `confirmTimeoutMs`, Ping++ gets a 500 and sends the event again.
   *
   * `job.key` is the idempotency key. A broker that can deduplicate keeps one job for each key, and
   * retries it if it is a dead letter; otherwise the inbox of the workers removes duplicates.
   */
  persist(job: EventJob): Promise<unknown>
  /** Starts to take jobs, and gives each to `runner.run`. */
  take(runner: JobRunner<Code>): JobConsumer | Promise<JobConsumer>
  /** Lists dead letters, the oldest first. */
  deadLetters?(selection: { readonly limit: number }): Promise<DeadLetter[]>
  /** Retries dead letters, the oldest first. Resolves with how many. */
  redrive?(selection: RedriveSelection): Promise<number>
  /** Rejects if the broker could not store a job now, with an error that says what to do. */
  ready?(): Promise<unknown>
  /** Closes the connections that the broker opened. */
  close?(): Promise<unknown>
  /** Cuts those connections. Called if `close` has not resolved in time. */
  abandon?(): void
}

/** Which dead letters to retry. */
export interface RedriveSelection {
  readonly jobIds: readonly string[] | undefined
  readonly limit: number
}

/** The worker's side of `take`: runs the jobs that the broker takes. */
export interface JobRunner<Code extends string = string> {
  /** How many jobs to run at a time. */
  readonly concurrency: number
  /** Applies a job. Never rejects. The result says what to do with the job. */
  run(job: TakenJob): Promise<JobVerdict>
  /** Reports a dead letter that the broker made by itself to `onDeadLetter`. */
  readonly reportDeadLetter: ReportDeadLetter
  /** Passes a warning to `onWarning`. */
  readonly warn: ReportWarning<Code>
}

/** A job that a worker has taken from its broker. */
export interface TakenJob {
  /** The id for `redrive`. */
  readonly id: string
  /** The job as `persist` got it, or its JSON text. Unknown, because any program may have added it. */
  readonly data: unknown
  /** Which try this is, from 1. */
  readonly attempt: number
  /** Whether this is the last try. Default: `false`; then the broker limits the tries, or does not. */
  readonly isLast?: boolean | undefined
  /**
   * How long to hold the job while its handlers run, even after `handlerTimeoutMs`. Default: 900,000
   * (15 min).
   */
  readonly timeoutMs?: number | undefined
}

/** The result of a job. */
export interface JobVerdict {
  readonly fate: JobFate
  /** `handled`, `duplicate`, `unhandled`, or the code of the error. */
  readonly outcome: string
  /** Code, event and place, for people who look into the queue. Without a handler's error message. */
  readonly reason: string
  /** What a handler or the inbox threw, or the error with which hongbao refused the job. */
  readonly cause: unknown
}

/**
 * What to do with a job.
 *
 * - `done`: acknowledge it. A broker that can deduplicate remembers its key for a while.
 * - `again`: retry it, after a pause.
 * - `dead`: make it a dead letter, because a retry would fail too. `onDeadLetter` has been called.
 */
export type JobFate = 'done' | 'again' | 'dead'

/** Takes jobs until it is closed. */
export interface JobConsumer {
  /**
   * Takes no more jobs. A broker that knows resolves when those that run are acknowledged; the worker
   * waits until they have run in any case.
   */
  close(): Promise<unknown>
  /** Cuts the connections. Called if `close` has not resolved in time. */
  abandon?(): void
}
