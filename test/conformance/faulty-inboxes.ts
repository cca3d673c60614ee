import { memoryInbox, type Admission, type Inbox } from '@hongbao/core'
import type { InboxEffects } from '@hongbao/core/testing'

const DAY = 24 * 60 * 60

/** Inboxes with the faults that inboxes have had, in one process. */
export const FAULTY_INBOXES: readonly (readonly [fault: string, inbox: () => Inbox])[] = [
  ['remembers a key before its work, and for good', remembersFirst],
  ['takes a run for a duplicate', calledDuplicate],
  ['confuses keys that differ in case', () => withKey((key) => key.toLowerCase())],
  ['confuses keys that one encoding confuses', () => withKey((key) => latin1(key))],
  ['starts work beside work', checksThenRuns],
  ['swallows the error of the work', swallows],
  ['keeps a key whose work rejected', keepsFailed],
]

/** Inboxes with faults that only `inboxConformance` looks for. */
export const FAULTY_MANNERS: readonly (readonly [fault: string, inbox: () => Inbox])[] = [
  ['lends no context', lendsNothing],
  ['remembers for a day only', () => ({ ...memoryInbox(), retentionSeconds: DAY })],
  [
    'is never ready',
    () => ({ ...memoryInbox(), ready: () => Promise.reject(new Error('no table')) }),
  ],
  [
    'rejects when it is flushed',
    () => ({ ...memoryInbox(), flush: () => Promise.reject(new Error('full')) }),
  ],
  ['lets duplicates wait for the run', waits],
  ['never answers', () => inboxOf(() => new Promise(() => {}))],
  ['fails to answer', () => inboxOf(() => Promise.reject(new Error('ECONNREFUSED')))],
  ['cuts keys', () => withKey((key) => key.slice(0, 200))],
  ['trims keys', () => withKey((key) => key.trim())],
  ['normalizes keys', () => withKey((key) => key.normalize('NFC'))],
  ['keeps keys as properties of an object', keepsProperties],
  ['replaces the error of the work', replacesErrors],
  ['runs the work again if it rejects', runsAgain],
  ['remembers the last fifty keys only', evicts],
  [
    'never says whether it is ready',
    () => ({ ...memoryInbox(), ready: () => new Promise(() => {}) }),
  ],
  ['is never flushed', () => ({ ...memoryInbox(), flush: () => new Promise(() => {}) })],
]

/** What an inbox on a shared store can have wrong. */
export interface StoreRules {
  readonly leaseSeconds: number
  readonly rememberedSeconds: number
  /** Whether a key is remembered from its first delivery on, whatever became of it. */
  readonly isFirstDeliveryCounted: boolean
  /** Whether effects wait for the record. */
  readonly isTransactional: boolean
  /** Whether processes see each other’s records. */
  readonly isShared: boolean
}

export const STORE_RULES: StoreRules = {
  leaseSeconds: 60,
  rememberedSeconds: 2 * DAY,
  isFirstDeliveryCounted: false,
  isTransactional: true,
  isShared: true,
}

export const FAULTY_STORES: readonly (readonly [fault: string, rules: Partial<StoreRules>])[] = [
  ['each process keeps to itself', { isShared: false }],
  ['keeps the key of a process that died', { leaseSeconds: Infinity }],
  ['forgets a key before its retention ends', { rememberedSeconds: DAY }],
  ['counts the retention of a key from its first delivery', { isFirstDeliveryCounted: true }],
  ['never forgets a key', { rememberedSeconds: Infinity }],
  ['keeps the effect of a failed run', { isTransactional: false }],
]

interface WriteContext {
  write(): void
}

interface Store {
  makeInbox(this: void): Inbox<WriteContext>
  readonly options: {
    readonly effects: InboxEffects<WriteContext>
    advance(this: void, seconds: number): void
    crash(this: void): void
  }
}

/** An inbox with a store that processes share, and with what `inboxConformance` needs of it. */
export function createStore(rules: StoreRules): Store {
  const shared = new Map<string, { isApplied: boolean; until: number }>()
  const firstSeconds = new Map<string, number>()
  const effects: string[] = []
  let seconds = 0

  function makeInbox(): Inbox<WriteContext> {
    const records: typeof shared = rules.isShared ? shared : new Map()
    return {
      retentionSeconds: 2 * DAY,
      async admit(key, work) {
        const record = records.get(key)
        if (record !== undefined && record.until > seconds)
          return record.isApplied ? 'duplicate' : 'busy'
        if (!firstSeconds.has(key)) firstSeconds.set(key, seconds)
        const mine = { isApplied: false, until: seconds + rules.leaseSeconds }
        records.set(key, mine)
        const writes = rules.isTransactional ? [] : effects
        try {
          await work({ write: () => void writes.push(key) })
        } catch (error) {
          records.delete(key)
          throw error
        }
        if (rules.isTransactional) effects.push(...writes)
        const from = (rules.isFirstDeliveryCounted ? firstSeconds.get(key) : undefined) ?? seconds
        records.set(key, { isApplied: true, until: from + rules.rememberedSeconds })
        return 'applied'
      },
    }
  }

  return {
    makeInbox,
    options: {
      effects: {
        write: (_key, context) => context.write(),
        count: (key) => effects.filter((effect) => effect === key).length,
        transactional: true,
      },
      advance(by: number): void {
        seconds += by
      },
      // It has neither connections nor timers.
      crash(): void {},
    },
  }
}

type Work = Parameters<Inbox['admit']>[1]

function inboxOf(admit: (key: string, work: Work) => Promise<Admission>): Inbox {
  return { retentionSeconds: Infinity, admit }
}

/** `SET key NX` as a flag for "seen". */
function remembersFirst(): Inbox {
  const seen = new Set<string>()
  return inboxOf(async (key, work) => {
    if (seen.has(key)) return 'duplicate'
    seen.add(key)
    await work({})
    return 'applied'
  })
}

function calledDuplicate(): Inbox {
  const inbox = memoryInbox()
  return inboxOf(async (key, work) => {
    const admission = await inbox.admit(key, work)
    return admission === 'busy' ? 'duplicate' : admission
  })
}

function withKey(change: (key: string) => string): Inbox {
  const inbox = memoryInbox()
  return inboxOf((key, work) => inbox.admit(change(key), work))
}

function latin1(key: string): string {
  return key.replaceAll(/[^ -~]/g, '?')
}

/** `select`, then the work, then `insert`. */
function checksThenRuns(): Inbox {
  const applied = new Set<string>()
  return inboxOf(async (key, work) => {
    if (applied.has(key)) return 'duplicate'
    await work({})
    applied.add(key)
    return 'applied'
  })
}

function swallows(): Inbox {
  const inbox = memoryInbox()
  return inboxOf((key, work) =>
    inbox.admit(key, async (context) => {
      await Promise.resolve(work(context)).catch(() => {})
    }),
  )
}

function keepsFailed(): Inbox {
  const running = new Set<string>()
  const applied = new Set<string>()
  return inboxOf(async (key, work) => {
    if (applied.has(key)) return 'duplicate'
    if (running.has(key)) return 'busy'
    running.add(key)
    await work({})
    running.delete(key)
    applied.add(key)
    return 'applied'
  })
}

function lendsNothing(): Inbox {
  const inbox = memoryInbox()
  const nothing = undefined as unknown as object
  return inboxOf((key, work) => inbox.admit(key, () => work(nothing)))
}

function waits(): Inbox {
  const inbox = memoryInbox()
  let last: Promise<unknown> = Promise.resolve()
  return inboxOf((key, work) => {
    const admission = last.then(() => inbox.admit(key, work))
    last = admission.catch(() => {})
    return admission
  })
}

function keepsProperties(): Inbox {
  const applied: Record<string, true> = {}
  const inbox = memoryInbox()
  return inboxOf(async (key, work) => {
    if (applied[key]) return 'duplicate'
    const admission = await inbox.admit(key, work)
    if (admission === 'applied') applied[key] = true
    return admission
  })
}

function replacesErrors(): Inbox {
  const inbox = memoryInbox()
  return inboxOf((key, work) =>
    inbox.admit(key, work).catch((cause: unknown) => {
      throw new Error('The work failed.', { cause })
    }),
  )
}

function runsAgain(): Inbox {
  const inbox = memoryInbox()
  return inboxOf((key, work) =>
    inbox.admit(key, async (context) => {
      try {
        await work(context)
      } catch {
        await work(context)
      }
    }),
  )
}

/** As a cache does. */
function evicts(): Inbox {
  const inbox = memoryInbox()
  const aliases = new Map<string, string>()
  return inboxOf((key, work) => {
    const alias = aliases.get(key) ?? `${key} ${Math.random()}`
    aliases.set(key, alias)
    const [oldest = key] = aliases.keys()
    if (aliases.size > 50) aliases.delete(oldest)
    return inbox.admit(alias, work)
  })
}
