import { openSync, readFileSync, writeSync } from 'node:fs'
import type { Run, Task } from './history.ts'
import type { Order } from './points.ts'

/**
 * What an app process writes down about itself: one short line at a time, straight into a file, so
 * that what was written is there when the process is not any more.
 */
export interface Journal {
  /** A handler starts, for which the inbox was called at that time. */
  started(task: Task, key: string, askedMs: number, isTakeover: boolean): void
  /** The store has confirmed it, or it has failed. */
  ended(task: Task, key: string): void
  leaseLost(key: string): void
  /** The process sends itself this signal, now. */
  signalled(order: Pick<Order, 'signal' | 'point'>): void
}

export function openJournal(path: string): Journal {
  const file = openSync(path, 'a')
  const write = (...words: readonly string[]): void => {
    writeSync(file, `${Date.now()} ${words.join(' ')}\n`)
  }
  return {
    started: (task, key, askedMs, isTakeover) =>
      write('started', task, key, String(askedMs), isTakeover ? 'takeover' : 'first'),
    ended: (task, key) => write('ended', task, key),
    leaseLost: (key) => write('lease-lost', 'apply', key),
    signalled: ({ signal, point }) => write(signal, point),
  }
}

/** The contents of a process's journal. */
export interface Account {
  readonly runs: readonly Run[]
  /** The signals that it sent itself, in order. */
  readonly signals: readonly Pick<Order, 'signal' | 'point'>[]
}

export function readJournal(path: string, process: number): Account {
  const runs: Run[] = []
  /** The index in `runs` of the latest run of a task and key. */
  const latest = new Map<string, number>()
  const signals: Pick<Order, 'signal' | 'point'>[] = []
  for (const line of readFileSync(path, 'utf8').split('\n')) {
    const [ms, verb, task, key, asked, kind] = line.split(' ')
    const name = `${task} ${key}`
    const at = latest.get(name)
    const run = at === undefined ? undefined : runs[at]
    if (verb === 'started') {
      latest.set(name, runs.length)
      const times = { askedMs: Number(asked), startedMs: Number(ms) }
      const isTakeover = kind === 'takeover'
      runs.push({ ...NEW, process, task: task as Task, key: key ?? '', isTakeover, ...times })
    } else if (verb === 'SIGKILL' || verb === 'SIGSTOP') {
      signals.push({ signal: verb, point: task as Order['point'] })
    } else if (at !== undefined && run !== undefined) {
      const field = verb === 'ended' ? 'endedMs' : 'leaseLostMs'
      runs[at] = { ...run, [field]: Number(ms) }
    }
  }
  return { runs, signals }
}

/** Whether a run has not ended, as far as the journal goes. */
export function isOpen({ endedMs }: Run): boolean {
  return endedMs === undefined
}

const NEW = { endedMs: undefined, leaseLostMs: undefined } as const
