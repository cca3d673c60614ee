import type { Inbox } from '../inbox/inbox.ts'
import { callback, flag, milliseconds, whole } from '../options/readers.ts'
import { optional, readSettings, type Completed } from '../options/settings.ts'
import type { ContextOf } from '../receive/handlers.ts'

/** A test runner, and what the suite may do to the store. Each optional field adds tests, or makes them stricter. */
export interface InboxConformanceOptions<Tested extends Inbox<object>> {
  /** `describe` of Vitest, Jest, Mocha, `node:test` or another runner. */
  readonly describe: (name: string, define: () => void) => unknown
  /** `it` or `test` of the same runner. The tests must run one after another. */
  readonly it: (name: string, test: () => Promise<void>) => unknown
  /**
   * Whether the inboxes that `makeInbox` returns share one store. Pass `false` for an inbox that keeps its
   * keys in memory: what processes know of each other is not tested then. Default: true.
   */
  readonly shared?: boolean | undefined
  /** Writes effects where handlers do. Default: effects are counted in memory, for inboxes without a transaction. */
  readonly effects?: InboxEffects<ContextOf<Tested>> | undefined
  /**
   * Moves the clock of the store on: what was applied is so much older then, and leases that end in that
   * time have ended. Deletes what is past its retention, if the store does not do so by itself. Adds the tests of
   * the retention.
   */
  readonly advance?: ((seconds: number) => unknown) | undefined
  /**
   * Ends the process of an inbox as SIGKILL does: its connections drop, its timers stop, its running work
   * never ends. Adds the test of a crash; for an inbox with leases it needs `advance` as well.
   */
  readonly crash?: ((inbox: Tested) => unknown) | undefined
  /** Called after each test for each inbox that has not crashed: closes what `makeInbox` opened for it. */
  readonly close?: ((inbox: Tested) => unknown) | undefined
  /** How many random sequences of deliveries are compared with a model. Default: 10. */
  readonly walks?: number | undefined
  /** Repeats the random sequences of a failed run, whose message has the seed. Default: another one each time. */
  readonly seed?: number | undefined
  /**
   * How long `admit` and each of these functions may take, in milliseconds. Stay below the timeout of the test runner, so that the
   * message says what did not answer. Default: 4000.
   */
  readonly timeoutMs?: number | undefined
}

/** A table without a unique key, into which the suite writes as a handler would. */
export interface InboxEffects<Context extends object> {
  /** Writes an effect of the key, through what the inbox lends if it lends a transaction. */
  write(key: string, context: Context): unknown
  /** Returns how many effects of the key are committed. */
  count(key: string): number | Promise<number>
  /**
   * Whether an effect and the record of its key are committed together. Adds the test that a failure
   * leaves no effect. Default: false.
   */
  readonly transactional?: boolean | undefined
}

type Options = InboxConformanceOptions<Inbox<object>>

export interface Subject
  extends
    Completed<Pick<Options, 'shared' | 'effects' | 'walks' | 'seed' | 'timeoutMs'>>,
    Pick<Options, 'advance' | 'crash' | 'close'> {}

export function readOptions(options: Options): Pick<Options, 'describe' | 'it'> & Subject {
  return readSettings('`inboxConformance`', options, {
    describe: callback(),
    it: callback(),
    shared: optional(flag, true),
    effects: optional(readEffects, countInMemory()),
    advance: optional(callback()),
    crash: optional(callback()),
    close: optional(callback()),
    walks: optional(whole(0), 10),
    seed: optional(whole(0), Math.floor(Math.random() * 2 ** 32)),
    timeoutMs: optional(milliseconds, 4000),
  })
}

function readEffects(effects: InboxEffects<object>): InboxEffects<object> {
  return readSettings('`effects`', effects, {
    write: callback('a function that writes an effect'),
    count: callback('a function that counts effects'),
    transactional: optional(flag, false),
  })
}

/** For inboxes without a transaction: an effect is a number in this process. */
function countInMemory(): InboxEffects<object> {
  const counts = new Map<string, number>()
  return {
    write: (key) => counts.set(key, (counts.get(key) ?? 0) + 1),
    count: (key) => counts.get(key) ?? 0,
  }
}
