import type { Admission, Inbox } from '../inbox/inbox.ts'
import { withTimeout } from '../options/with-timeout.ts'
import type { Subject } from './options.ts'
import { Mismatch, show } from './mismatch.ts'
import { settle, startRun, type Run, type Settlement } from './run.ts'

/** Returns the inbox of one more process on the store. */
export type MakeInbox = () => Inbox<object> | Promise<Inbox<object>>

export interface Case {
  readonly name: string
  readonly why: string
  /** Whether the case is for this inbox. Default: for every inbox. */
  isFor?(this: void, subject: Subject): boolean
  /** @throws Mismatch if the inbox does something else than it must */
  run(this: void, trial: Trial): Promise<void>
}

/** One test: keys that no other test has, and processes that end with it. */
export interface Trial {
  readonly subject: Subject
  key(this: void, name: string): string
  open(this: void): Promise<Process>
  crash(this: void, process: Process): Promise<void>
  /** @throws Mismatch if the key has another number of effects */
  expectEffects(this: void, key: string, expected: number): Promise<void>
  /** Ends the work that still waits, and closes all inboxes. */
  end(this: void): Promise<void>
}

/** A process with its inbox. An answer that takes too long is a mismatch. */
export interface Process {
  readonly own: Inbox<object>
  /** The same inbox, checked: it may call work once. */
  readonly inbox: Inbox<object>
  readonly waiting: readonly WaitingRun[]
  /** Runs work of the test, and returns how `admit` settled. */
  admit(this: void, key: string, work: Work): Promise<Settlement>
  /** Runs work that writes the effect of the key, and returns the answer. */
  deliver(this: void, key: string): Promise<Admission>
  start(this: void, key: string): Promise<WaitingRun>
}

type Work = (context: object) => Promise<void>

export interface WaitingRun extends Omit<Run<object>, 'context'> {
  writeEffect(): Promise<void>
}

export function createTrial(makeInbox: MakeInbox, untimed: Subject): Trial {
  const subject = timedSubject(untimed)
  const make = timed(subject.timeoutMs, 'makeInbox', makeInbox)
  const unique = Math.random().toString(36).slice(2)
  const processes = new Set<Process>()

  return {
    subject,
    key: (name) => `${unique}:${name}`,
    async open() {
      const process = openProcess(await make(), subject)
      processes.add(process)
      return process
    },
    async crash(process) {
      processes.delete(process)
      await subject.crash?.(process.own)
    },
    async expectEffects(key, expected) {
      const actual = await subject.effects.count(key)
      if (actual === expected) return
      throw new Mismatch(`The key ${show(key)} has ${expected} effects.`, `It has ${actual}.`)
    },
    async end() {
      await Promise.all([...processes].map(close))
    },
  }

  async function close({ own, waiting }: Process): Promise<void> {
    const error = new Error('The test is over.')
    await Promise.allSettled([...waiting].map((run) => run.fail(error)))
    await subject.close?.(own)
  }
}

/** The functions of the test file. The one that does not end is named in the message. */
function timedSubject({ effects, advance, crash, close, ...subject }: Subject): Subject {
  const { timeoutMs } = subject
  return {
    ...subject,
    effects: {
      ...effects,
      write: timed(timeoutMs, 'write', (key, context) => effects.write(key, context)),
      count: timed(timeoutMs, 'count', (key) => effects.count(key)),
    },
    advance: advance && timed(timeoutMs, 'advance', advance),
    crash: crash && timed(timeoutMs, 'crash', crash),
    close: close && timed(timeoutMs, 'close', close),
  }
}

function timed<Args extends unknown[], Value>(
  timeoutMs: number,
  name: string,
  call: (...args: Args) => Value | Promise<Value>,
): (...args: Args) => Promise<Value> {
  return async (...args) => inTime(timeoutMs, `\`${name}\` ends`, Promise.resolve(call(...args)))
}

function openProcess(own: Inbox<object>, { effects, timeoutMs }: Subject): Process {
  const inbox: Inbox<object> = {
    retentionSeconds: own.retentionSeconds,
    admit: (key, work) => admitOnce(own, key, work),
    ready: timed(timeoutMs, 'ready', () => own.ready?.()),
    flush: timed(timeoutMs, 'flush', () => own.flush?.()),
  }
  const waiting: WaitingRun[] = []

  async function admit(key: string, work: Work): Promise<Settlement> {
    return inTime(timeoutMs, `\`admit\` answers for ${show(key)}`, settle(inbox.admit(key, work)))
  }

  async function deliver(key: string): Promise<Admission> {
    const settlement = await admit(key, async (context) => void (await effects.write(key, context)))
    if ('admission' in settlement) return settlement.admission
    throw rejected(key, settlement.error)
  }

  async function start(key: string): Promise<WaitingRun> {
    const starting = startRun(inbox, key).catch((error: unknown) => {
      throw rejected(key, error)
    })
    const { context, ...run } = await inTime(
      timeoutMs,
      `\`admit\` starts the work of ${show(key)} or answers`,
      starting,
    )
    const ended = `\`admit\` answers after the work of ${show(key)} has ended`
    const waitingRun = {
      ...run,
      finish: () => inTime(timeoutMs, ended, run.finish()),
      fail: (error: unknown) => inTime(timeoutMs, ended, run.fail(error)),
      writeEffect: async () => void (await effects.write(key, await context())),
    }
    waiting.push(waitingRun)
    return waitingRun
  }

  return { own, inbox, waiting, admit, deliver, start }
}

/** @throws Mismatch if one delivery calls its work twice, as an inbox that retries does */
async function admitOnce(inbox: Inbox<object>, key: string, work: Work): Promise<Admission> {
  let runs = 0
  const settlement = await settle(
    inbox.admit(key, (context) => {
      runs += 1
      return work(context)
    }),
  )
  if (runs > 1) throw new Mismatch('A delivery calls its work once.', `It called it ${runs} times.`)
  if ('error' in settlement) throw settlement.error
  return settlement.admission
}

/** @throws Mismatch if it takes too long; `what` is the beginning of the sentence */
export function inTime<Value>(
  timeoutMs: number,
  what: string,
  pending: Promise<Value>,
): Promise<Value> {
  return withTimeout(timeoutMs, pending, () => {
    throw new Mismatch(`${what} within ${timeoutMs} ms.`, 'It is still waiting.')
  })
}

export function rejected(key: string, error: unknown): Mismatch {
  if (error instanceof Mismatch) return error
  const expected = `\`admit\` answers for ${show(key)}.`
  return new Mismatch(expected, `It rejected with ${show(error)}.`, error)
}
