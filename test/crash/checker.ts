import type { Effect, History, Interruption, Kill, Run, Stop } from './history.ts'

/** The findings about a history. */
export interface Findings {
  readonly events: number
  /** Answered 2xx, and no effect: the keys. */
  readonly lost: readonly string[]
  /** Sent to the end of the schedule, never answered 2xx, and no effect: the keys. */
  readonly undelivered: readonly string[]
  /** Effects of events that were never sent: the keys. */
  readonly foreign: readonly string[]
  /** Effects beyond the first of their event. */
  readonly doubles: number
  /** Of these, how many come from one process, which cannot be excused by having forgotten. */
  readonly doublesInOneProcess: number
  /** Of these, how many no run explains that was in flight when it, or the store, was interrupted. */
  readonly doublesUnexplained: number
  /** The keys of those. */
  readonly unexplained: readonly string[]
  /**
   * Of the doubles, how many no run with `isTakeover` has left: it would have paid without
   * looking first.
   */
  readonly doublesUntold: number
  /** Runs without `isTakeover`, although an earlier run of their event had it. */
  readonly takeoversForgotten: number
  /** The keys of both. */
  readonly untold: readonly string[]
  /**
   * Runs that were in flight at an interruption, or stalled for so long by themselves that they lost
   * their lease.
   */
  readonly atRisk: number
  readonly runs: number
  readonly kills: number
  /** Kills of a process in which a handler was in flight. */
  readonly killsInFlight: number
  /** How many of these landed at which point. */
  readonly killsAt: Readonly<Record<string, number>>
  readonly stops: number
  readonly stopsInFlight: number
  readonly restarts: number
}

/** What is promised of doubles; nothing may ever be lost, undelivered or foreign. */
export type Guarantee =
  /** None at all. */
  | 'once'
  /**
   * At most one for every handler that was in flight when it or the store was interrupted, and none
   * by a run without `isTakeover`.
   */
  | 'once-unless-interrupted'
  /** None within the life of one process. */
  | 'once-per-process'

export function check(history: History): Findings {
  const { sent, answered, effects, runs, interruptions } = history
  const byKey = Map.groupBy(effects, ({ key }) => key)
  const without = [...sent].filter((key) => !byKey.has(key))
  const atRisk = runsAtRisk(history)
  const riskOf = Map.groupBy(atRisk, ({ key }) => key)
  const countUnexplained = ([key, rows]: [string, readonly Effect[]]): number =>
    Math.max(0, rows.length - 1 - (riskOf.get(key)?.length ?? 0))
  const told = runs.filter(({ isTakeover }) => isTakeover)
  const countUntold = ([key, rows]: [string, readonly Effect[]]): number =>
    Math.max(0, rows.filter(({ process }) => !wasTold(told, key, process)).length - 1)
  const forgetful = runs.filter((run) => isForgetful(run, told))
  const kills = interruptions.filter((each) => each.kind === 'kill')
  const killsInFlight = kills.filter((kill) => runs.some((run) => wasKilled(run, kill)))
  const stops = interruptions.filter((each) => each.kind === 'stop')
  return {
    events: sent.size,
    lost: [...answered].filter((key) => !byKey.has(key)),
    undelivered: without.filter((key) => !answered.has(key)),
    foreign: [...byKey.keys()].filter((key) => !sent.has(key)),
    doubles: effects.length - byKey.size,
    doublesInOneProcess: sum([...byKey.values()], (rows) => rows.length - countProcesses(rows)),
    doublesUnexplained: sum([...byKey], countUnexplained),
    unexplained: [...byKey].filter((entry) => countUnexplained(entry) > 0).map(([key]) => key),
    doublesUntold: sum([...byKey], countUntold),
    takeoversForgotten: forgetful.length,
    untold: [
      ...[...byKey].filter((entry) => countUntold(entry) > 0).map(([key]) => key),
      ...forgetful.map(({ key }) => key),
    ],
    atRisk: atRisk.length,
    runs: runs.length,
    kills: kills.length,
    killsInFlight: killsInFlight.length,
    killsAt: countBy(killsInFlight, ({ point }) => point),
    stops: stops.length,
    stopsInFlight: stops.filter((stop) => runs.some((run) => wasStopped(run, stop))).length,
    restarts: interruptions.length - kills.length - stops.length,
  }
}

/** The promises that were broken, a sentence each; none if all were kept. */
export function breaches(findings: Findings, guarantee: Guarantee): readonly string[] {
  const counts: readonly (readonly [count: number, what: string])[] = [
    [findings.lost.length, 'answered 2xx, and never applied'],
    [findings.undelivered.length, 'sent to the end, and neither answered 2xx nor applied'],
    [findings.foreign.length, 'applied, although they were never sent'],
    ...DOUBLES[guarantee](findings),
  ]
  return counts.filter(([count]) => count > 0).map(([count, what]) => `${count} ${what}`)
}

/** Guarantee → which doubles it does not allow: one table. */
const DOUBLES: Readonly<
  Record<Guarantee, (findings: Findings) => readonly (readonly [count: number, what: string])[]>
> = {
  once: ({ doubles }) => [[doubles, 'applied more than once']],
  'once-unless-interrupted': ({ doublesUnexplained, doublesUntold, takeoversForgotten }) => [
    [doublesUnexplained, 'applied again, though nothing that ran was interrupted'],
    [doublesUntold, 'applied again by a run without `isTakeover`'],
    [takeoversForgotten, 'run without `isTakeover` although an earlier run had it'],
  ],
  'once-per-process': ({ doublesInOneProcess }) => [
    [doublesInOneProcess, 'applied again by the process that had applied them'],
  ],
}

/** Only "applied" ends a takeover, and after that nothing runs. */
function isForgetful({ key, isTakeover, askedMs }: Run, told: readonly Run[]): boolean {
  return !isTakeover && told.some((run) => run.key === key && run.startedMs < askedMs)
}

/** An effect names its process, not its run: one run of the process with `isTakeover` is enough. */
function wasTold(told: readonly Run[], key: string, process: number): boolean {
  return told.some((run) => run.key === key && run.process === process)
}

/** Runs that an interruption met: each may have left an effect of which the store knows nothing. */
function runsAtRisk({ runs, interruptions, leaseMs }: History): readonly Run[] {
  const applying = runs.filter(({ task }) => task === 'apply')
  return applying.filter(
    (run) => hasStalled(run, leaseMs) || interruptions.some((each) => wasInterrupted(run, each)),
  )
}

/** A lease that was lost before it can have expired is no excuse: another run broke it. */
function hasStalled({ askedMs, leaseLostMs }: Run, leaseMs: number): boolean {
  return leaseLostMs !== undefined && leaseLostMs - askedMs >= leaseMs
}

function wasInterrupted(run: Run, interruption: Interruption): boolean {
  if (interruption.kind === 'kill') return wasKilled(run, interruption)
  if (interruption.kind === 'stop') return wasStopped(run, interruption)
  return overlaps(run, interruption)
}

/** A process that was killed has written no end of what it was doing. */
function wasKilled(run: Run, { process }: Kill): boolean {
  return run.process === process && run.endedMs === undefined
}

function wasStopped(run: Run, stop: Stop): boolean {
  return run.process === stop.process && overlaps(run, stop)
}

/** From the question on: a process may be halted with the answer in hand. */
function overlaps(run: Run, { fromMs, toMs }: { fromMs: number; toMs: number }): boolean {
  return run.askedMs <= toMs && (run.endedMs ?? Infinity) >= fromMs
}

function countProcesses(rows: readonly { readonly process: number }[]): number {
  return new Set(rows.map(({ process }) => process)).size
}

function sum<Item>(items: readonly Item[], count: (item: Item) => number): number {
  return items.reduce((total, item) => total + count(item), 0)
}

function countBy<Item>(items: readonly Item[], name: (item: Item) => string) {
  const counts: Record<string, number> = {}
  for (const item of items) counts[name(item)] = (counts[name(item)] ?? 0) + 1
  return counts
}
