import { InboxError } from './errors.ts'
import { freezesRequests, isFrozen, startHeartbeat, type Heartbeat } from './heartbeat.ts'
import type { Admission, Inbox } from './inbox.ts'
import type { Logger } from '../options/logger.ts'
import { optional, readSettings } from '../options/settings.ts'
import { callback, clock, readLogger, whole } from '../options/readers.ts'
import { readWarn, type OnWarning, type Warn } from '../options/warning.ts'
import { retention } from './retention.ts'

/** Options of {@link memoryInbox}. */
export interface MemoryInboxOptions {
  /** How long an applied key is remembered, in seconds: 27 h or more. Default: 48 h. */
  readonly retentionSeconds?: number | undefined
  /**
   * How many of the newest keys are remembered at least, 2 to 16,777,216. When more arrive within the
   * retention, the oldest are forgotten early, with a warning `memory-full`. Up to twice as many are in
   * memory, of about 120 bytes each. Default: 1,000,000.
   */
  readonly maxKeys?: number | undefined
  /**
   * A clock that only moves on, in milliseconds. Default: `performance.now`. A wall clock that jumps
   * ahead and back would forget everything on the way.
   */
  readonly now?: (() => number) | undefined
  /**
   * Called with the code `memory-full` when keys were forgotten before their time, at most once a
   * minute; the message has the seconds for which keys are still remembered. May be async; errors thrown
   * by the hook are ignored. Default: one line to `logger`.
   */
  readonly onWarning?: OnWarning<MemoryInboxWarningCode> | undefined
  /** Gets a line for each warning if there is no `onWarning`; `false` for none. Default: `console`. */
  readonly logger?: Logger | false | undefined
}

/** The code of a warning of {@link memoryInbox}. */
export type MemoryInboxWarningCode = 'memory-full'

/**
 * Remembers applied events in the memory of this process: the default, for one process.
 *
 * Promise: while this process lives and no more than `maxKeys` events arrive within the retention, a
 * key is applied once and never twice at a time. A restart forgets everything, and another process
 * knows nothing of it: give your own records a unique key as well, or use a shared inbox. In a worker
 * of `node:cluster`, and so of PM2's cluster mode, it says so in a process warning with the code
 * `HONGBAO_MEMORY_INBOX_IN_CLUSTER`.
 */
export function memoryInbox(options: MemoryInboxOptions = {}): Inbox {
  const { retentionSeconds, maxKeys, now, ...warnings } = readSettings('`memoryInbox`', options, {
    retentionSeconds: optional(retention, 48 * 60 * 60),
    // A Set holds 2^24 keys, and throws at the next one: after the handlers have run.
    maxKeys: optional(whole(2, 2 ** 24), 1_000_000),
    now: optional(clock, () => performance.now()),
    onWarning: optional(callback()),
    logger: readLogger,
  })
  const applied = createKeyMemory(retentionSeconds * 1000, maxKeys, readWarn(warnings), now())
  const running = new Map<string, Heartbeat | undefined>()
  const isFreezing = freezesRequests()
  warnInCluster()

  async function admit(key: string, work: (context: object) => Promise<void>): Promise<Admission> {
    const other = running.get(key)
    if (other?.isSilent() === true) {
      // One turn of the event loop, in which a late beat comes: a whole one may be longer than the
      // deadline of this delivery. Another one may have looked at the same time, and taken its place.
      if ((await isFrozen(other, 0)) && running.get(key) === other) running.delete(key)
      return admit(key, work)
    }
    if (running.has(key)) return 'busy'
    if (applied.has(key, now())) return 'duplicate'
    const heartbeat = isFreezing ? startHeartbeat() : undefined
    running.set(key, heartbeat)
    try {
      await work({})
      applied.add(key, now())
      return 'applied'
    } finally {
      heartbeat?.stop()
      if (running.get(key) === heartbeat) running.delete(key)
    }
  }

  return { retentionSeconds, admit }
}

/** The keys that were applied. Its clock is that of its caller. */
interface KeyMemory {
  has(this: void, key: string, nowMs: number): boolean
  add(this: void, key: string, nowMs: number): void
}

/**
 * Remembers keys in two generations, and drops the older one whole: no timer, no scan, and a constant
 * cost per delivery at any size. The newer one keeps the promise by itself, so it may hold `maxKeys` keys
 * and last for the whole retention.
 */
function createKeyMemory(
  retentionMs: number,
  maxKeys: number,
  warn: Warn<MemoryInboxWarningCode>,
  createdMs: number,
): KeyMemory {
  let current = new Set<string>()
  let previous = new Set<string>()
  let startedMs = createdMs
  let newestMs = createdMs
  let newestOfPreviousMs = createdMs
  let warnedMs = Number.NEGATIVE_INFINITY

  function has(key: string, nowMs: number): boolean {
    if (nowMs - startedMs >= retentionMs) startGeneration(nowMs)
    return current.has(key) || previous.has(key)
  }

  /** The work may have taken as long as a generation, and others may have filled one meanwhile. */
  function add(key: string, nowMs: number): void {
    if (nowMs - startedMs >= retentionMs) startGeneration(nowMs)
    if (current.size >= maxKeys) {
      reportWhenEarly(nowMs)
      startGeneration(nowMs)
    }
    current.add(key)
    newestMs = nowMs
  }

  function startGeneration(nowMs: number): void {
    previous = nowMs - startedMs < 2 * retentionMs ? current : new Set()
    newestOfPreviousMs = newestMs
    current = new Set()
    startedMs = nowMs
  }

  /** Called before the older generation is dropped: keys that are newer than its newest one stay. */
  function reportWhenEarly(nowMs: number): void {
    const rememberedMs = nowMs - newestOfPreviousMs
    if (previous.size === 0 || rememberedMs >= retentionMs || nowMs - warnedMs < 60_000) return
    warnedMs = nowMs
    warn(memoryFull(rememberedMs / 1000))
  }

  return { has, add }
}

/** Node prints it, and `--disable-warning=CODE` silences it where all effects have a unique key. */
function warnInCluster(): void {
  // Not imported, and by question marks: there are runtimes without it.
  const { process } = globalThis
  if (!Object(process?.getBuiltinModule?.('node:cluster')).isWorker) return
  process.emitWarning(
    '[hongbao] Every worker of a cluster has a memory inbox of its own: an event that is sent again to another one is APPLIED AGAIN. Use a shared inbox.',
    { code: 'HONGBAO_MEMORY_INBOX_IN_CLUSTER' },
  )
}

function memoryFull(rememberedSeconds: number): InboxError<MemoryInboxWarningCode> {
  return new InboxError(
    'memory-full',
    `The memory inbox is full and remembers the last ${Math.floor(rememberedSeconds)} seconds only: an older event that is sent again is APPLIED AGAIN. Raise \`maxKeys\`, or use a shared inbox.`,
  )
}
