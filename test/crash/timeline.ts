import type { Findings } from './checker.ts'
import type { History, Interruption, Run } from './history.ts'

const MAX_TIMELINES = 3

/** What happened to the first events of which something is wrong: for people who look for the cause. */
export function describeTimelines(history: History, findings: Findings): readonly string[] {
  const { lost, undelivered, foreign, unexplained, untold } = findings
  const keys = [...lost, ...undelivered, ...foreign, ...unexplained, ...untold].slice(
    0,
    MAX_TIMELINES,
  )
  return keys.flatMap((key) => [key, ...timelineOf(history, key)])
}

/** In order of time, from the first run on, in milliseconds. */
function timelineOf({ answered, effects, runs, interruptions }: History, key: string): string[] {
  const ofKey = runs.filter((run) => run.key === key)
  const processes = new Set(ofKey.map(({ process }) => process))
  const fromMs = Math.min(...ofKey.map(({ askedMs }) => askedMs))
  const toMs = Math.max(...ofKey.map(({ endedMs }) => endedMs ?? Infinity))
  const met = interruptions.filter((each) =>
    each.kind === 'restart'
      ? each.fromMs <= toMs && each.toMs >= fromMs
      : processes.has(each.process),
  )
  const lines = [...ofKey.flatMap(linesOfRun), ...met.flatMap(linesOfInterruption)]
  const effectsOf = effects.filter((effect) => effect.key === key)
  const authors = effectsOf.map((effect) => effect.process).join(' and ')
  return [
    ...lines.toSorted(([a], [b]) => a - b).map(([ms, line]) => `  ${since(fromMs, ms)}  ${line}`),
    `  answered 2xx: ${answered.has(key) ? 'yes' : 'no'}; effects: ${effectsOf.length === 0 ? 'none' : `by process ${authors}`}`,
  ]
}

/** Nobody writes down when a kill lands; it is the last that happens to a process. */
function since(fromMs: number, ms: number): string {
  const passed = ms === Infinity ? '' : String(Math.round(ms - fromMs))
  return passed.padStart(8)
}

type Line = readonly [ms: number, line: string]

function linesOfRun(run: Run): Line[] {
  const { process, task, isTakeover, askedMs, startedMs, endedMs, leaseLostMs } = run
  const who = `process ${process}: ${task}`
  return [
    [askedMs, `${who} asked`],
    [startedMs, `${who} started${isTakeover ? ', told of a takeover' : ''}`],
    ...(leaseLostMs === undefined ? [] : [[leaseLostMs, `${who} lost its lease`] as const]),
    ...(endedMs === undefined ? [] : [[endedMs, `${who} ended`] as const]),
  ]
}

function linesOfInterruption(interruption: Interruption): Line[] {
  if (interruption.kind === 'restart') {
    const { server, how, fromMs, toMs } = interruption
    return [
      [fromMs, `${server} goes: ${how}`],
      [toMs, `${server} is back`],
    ]
  }
  const who = `process ${interruption.process}`
  if (interruption.kind === 'kill') return [[Infinity, `${who} was killed: ${interruption.point}`]]
  return [
    [interruption.fromMs, `${who} halts: ${interruption.point}`],
    [interruption.toMs, `${who} goes on`],
  ]
}
