import { OptionError } from './errors.ts'
import { freezesRequests, startHeartbeat, type Heartbeat } from './heartbeat.ts'
import { MIN_RETENTION_SECONDS, type Inbox } from './inbox.ts'

/** Options of {@link memoryInbox}. */
export interface MemoryInboxOptions {
  /** How long an applied key is remembered, in seconds: 27 h or more. Default: 48 h. */
  readonly retentionSeconds?: number | undefined
  /**
   * How many keys are remembered at the most; about 115 bytes each. When more arrive within the
   * retention, the oldest are forgotten early and `onForgotEarly` is told. Default: 1,000,000.
   */
  readonly maxKeys?: number | undefined
  /**
   * A clock that only moves on, in milliseconds. Default: `performance.now`. A wall clock that jumps
   * ahead and back would forget everything on the way.
   */
  readonly now?: (() => number) | undefined
  /** Told, at most once a minute, that keys were forgotten before their time. Default: a warning on the console. */
  readonly onForgotEarly?: ((rememberedSeconds: number) => void) | undefined
}

/**
 * Remembers applied events in the memory of this process: the default, for one process.
 *
 * Promise: while this process lives and fewer than `maxKeys` events arrive within the retention, a
 * key is applied once and never twice at a time. A restart forgets everything, and another process
 * knows nothing of it: give your own records a unique key as well, or use a shared inbox. In a worker
 * of `node:cluster`, and so of PM2's cluster mode, it says so in a process warning with the code
 * `HONGBAO_MEMORY_INBOX_IN_CLUSTER`.
 *
 * Keys live in two generations, and the older one is dropped whole: no timer, no scan, and a
 * constant cost per delivery at any size.
 */
export function memoryInbox(options: MemoryInboxOptions = {}): Inbox {
  const { retentionSeconds = 48 * 60 * 60, maxKeys = 1_000_000 } = options
  const { now = () => performance.now() } = options
  const { onForgotEarly = warnForgotEarly } = options
  checkOptions(retentionSeconds, maxKeys)
  warnInCluster()

  const running = new Map<string, Heartbeat | undefined>()
  const isFreezing = freezesRequests()
  let current = new Set<string>()
  let previous = new Set<string>()
  let currentSince = now()
  let warnedAt = Number.NEGATIVE_INFINITY

  async function admit(key: string, work: (context: object) => Promise<void>) {
    if (running.has(key) && running.get(key)?.isSilent() !== true) return 'busy'
    const ageSeconds = startGenerationWhenDue()
    if (current.has(key) || previous.has(key)) return 'duplicate'
    if (current.size >= maxKeys / 2) {
      if (previous.size > 0) reportForgotten(ageSeconds)
      startGeneration(ageSeconds)
    }
    const heartbeat = isFreezing ? startHeartbeat() : undefined
    running.set(key, heartbeat)
    try {
      await work({})
      // It may have taken as long as a generation, and would be dropped with that.
      startGenerationWhenDue()
      current.add(key)
      return 'applied'
    } finally {
      heartbeat?.stop()
      if (running.get(key) === heartbeat) running.delete(key)
    }
  }

  /** A generation lasts for the whole retention, so a key lives that long at the least. */
  function startGenerationWhenDue(): number {
    const ageSeconds = (now() - currentSince) / 1000
    if (ageSeconds >= retentionSeconds) startGeneration(ageSeconds)
    return ageSeconds
  }

  function startGeneration(ageSeconds: number): void {
    previous = ageSeconds < 2 * retentionSeconds ? current : new Set()
    current = new Set()
    currentSince = now()
  }

  function reportForgotten(rememberedSeconds: number): void {
    if (now() - warnedAt < 60_000) return
    warnedAt = now()
    try {
      // It may be async although nobody waits for it, and then reject.
      Promise.resolve(onForgotEarly(rememberedSeconds)).catch(() => {})
    } catch {
      // A broken hook must not cost a payment.
    }
  }

  return { retentionSeconds, admit }
}

function checkOptions(retentionSeconds: number, maxKeys: number): void {
  if (!Number.isFinite(retentionSeconds) || retentionSeconds < MIN_RETENTION_SECONDS) {
    throw new OptionError(
      'option-invalid',
      '`retentionSeconds` must be 97,200 (27 h) or more: Ping++ sends an event again for 24 h 47 min.',
    )
  }
  // A Set holds 2^24 keys, and throws at the next one: after the handlers have run.
  if (!Number.isSafeInteger(maxKeys) || maxKeys < 2 || maxKeys > 2 ** 24) {
    throw new OptionError('option-invalid', '`maxKeys` must be an integer from 2 to 16,777,216.')
  }
}

/** Node prints it, and `--disable-warning=CODE` silences it where all effects have a unique key. */
function warnInCluster(): void {
  // Not imported, and by question marks: there are runtimes without it.
  const { process } = globalThis
  if (!Object(process?.getBuiltinModule?.('node:cluster')).isWorker) return
  process.emitWarning(
    '[hongbao] A memory inbox in a worker of a cluster does not know what the others have applied: what is sent again to one of them is APPLIED AGAIN. Use an inbox that they can share.',
    { code: 'HONGBAO_MEMORY_INBOX_IN_CLUSTER' },
  )
}

function warnForgotEarly(rememberedSeconds: number): void {
  const minutes = Math.floor(rememberedSeconds / 60)
  // oxlint-disable-next-line no-console -- the default of an option; pass `onForgotEarly` to silence it
  console.warn(
    `[hongbao] The memory inbox is full and remembers the last ${minutes} minutes only. Raise \`maxKeys\`, or use an inbox that several processes can share.`,
  )
}
