import * as fc from 'fast-check'
import { expect, vi } from 'vitest'
import type { Hold, OpenInbox } from './inbox-host.ts'
import type { Model, ModelRun, Real } from './inbox-model.ts'
import { startRun, type Settlement } from './inbox-run.ts'

type Command = fc.AsyncCommand<Model, Real>

const HOUR = 60 * 60

/** Everything that can happen to the keys of a store, in any order. */
export function commandsFor(hold: Hold): fc.Arbitrary<Iterable<Command>> {
  const isShared = hold !== 'process'
  // They differ in case and in one character, so that a store that confuses keys is caught.
  const key = fc.constantFrom('red_a', 'red_A', '红包', '紅包')
  const process = fc.nat(isShared ? 2 : 0)
  const nth = fc.nat(9)
  const seconds = fc.constantFrom(HOUR, 26 * HOUR, 31 * 24 * HOUR, 100 * 24 * HOUR)
  const hours = fc.integer({ min: -48, max: 48 })
  return fc.commands(
    [
      fc.tuple(process, key).map(([at, name]) => deliver(at, name)),
      fc.tuple(process, key).map(([at, name]) => deliver(at, name)),
      nth.map(applyEffect),
      nth.map(finish),
      nth.map(finish),
      nth.map(fail),
      process.map(crash),
      ...(isShared ? [key.map(takeAway)] : []),
      seconds.map(advance),
      fc.constant(clean()),
      hours.map(skewClock),
    ],
    { maxCommands: 40 },
  )
}

/** A delivery, which is a duplicate where the key is held or was applied. */
function deliver(at: number, name: string): Command {
  return {
    check: () => true,
    async run(model, { store, processes }) {
      const key = model.prefix + name
      const run = await startRun(processes[at] as OpenInbox, key)
      expect(expectedAnswers(model, key)).toContain(run.answer)
      if (run.answer === 'started') {
        const started = { run, process: at, pendingEffects: 0, isLost: false }
        model.runs.push(started)
        model.holders.set(key, started)
        model.appliedAt.delete(key)
      }
      expect(await store.countEffects(key)).toBe(model.effects.get(key) ?? 0)
    },
    toString: () => `deliver(${name} to ${at})`,
  }
}

function expectedAnswers(model: Model, key: string): readonly string[] {
  if (model.holders.has(key)) return ['busy']
  const appliedAt = model.appliedAt.get(key)
  if (appliedAt === undefined) return ['started']
  const isRetained = model.seconds - appliedAt < model.retentionSeconds
  // A store may remember for longer than it promised.
  return isRetained ? ['duplicate'] : ['duplicate', 'started']
}

/** The work of a run does what it is for. */
function applyEffect(nth: number): Command {
  return onRun('apply the effect', nth, async (model, { store }, started) => {
    const { run } = started
    if (model.hold === 'transaction') {
      if (started.isLost) await expect(run.applyEffect()).rejects.toBeInstanceOf(Error)
      else await run.applyEffect()
      if (!started.isLost) started.pendingEffects += 1
    } else {
      await run.applyEffect()
      addEffects(model, run.key, 1)
    }
    expect(await store.countEffects(run.key)).toBe(model.effects.get(run.key) ?? 0)
  })
}

/** The work of a run resolves: in time, or late, when another run may have the key. */
function finish(nth: number): Command {
  return onRun('finish', nth, async (model, { store }, started) => {
    const { key } = started.run
    const settlement = await started.run.finish()
    leave(model, started)
    if (started.isLost) expectHonest(model, key, settlement)
    else {
      expect(settlement).toEqual({ admission: 'applied' })
      model.appliedAt.set(key, model.seconds)
      addEffects(model, key, started.pendingEffects)
    }
    expect(await store.countEffects(key)).toBe(model.effects.get(key) ?? 0)
  })
}

/**
 * A run that had lost its key may be applied all the same where it held a lease that nobody took
 * meanwhile; never where its transaction is gone, and never under somebody else's nose.
 */
function expectHonest(model: Model, key: string, settlement: Settlement): void {
  if ('error' in settlement) return
  expect(model.hold).toBe('lease')
  expect(settlement).toEqual({ admission: 'applied' })
  expect(model.holders.has(key)).toBe(false)
  if (!model.appliedAt.has(key)) model.appliedAt.set(key, model.seconds)
}

/** The work of a run rejects: its key is free, unless another run has it. */
function fail(nth: number): Command {
  return onRun('fail', nth, async (model, { store }, started) => {
    const { key } = started.run
    const error = new Error('declined')
    expect(await started.run.fail(error)).toEqual({ error })
    leave(model, started)
    expect(await store.countEffects(key)).toBe(model.effects.get(key) ?? 0)
  })
}

/** A process dies with all that runs in it, and another takes its place. */
function crash(at: number): Command {
  return {
    check: () => true,
    async run(model, real) {
      await (real.processes[at] as OpenInbox).crash()
      for (const started of model.runs.filter(({ process }) => process === at)) {
        const isHolder = model.holders.get(started.run.key) === started
        leave(model, started)
        if (isHolder && model.hold === 'lease') model.holders.set(started.run.key, 'dead')
        void started.run.fail(new Error('The process died.'))
      }
      if (model.hold === 'process') model.appliedAt.clear()
      real.processes[at] = await real.store.open()
    },
    toString: () => `crash(${at})`,
  }
}

/** A run loses its key and does not know: its connection is cut, its lease over. */
function takeAway(name: string): Command {
  return {
    check: (model) => model.holders.has(model.prefix + name),
    async run(model, { store }) {
      const key = model.prefix + name
      await store.takeAway(key)
      lose(model, key)
    },
    toString: () => `takeAway(${name})`,
  }
}

/** The clock of the store goes on: leases end, what was applied grows old. */
function advance(seconds: number): Command {
  return {
    check: () => true,
    async run(model, { store }) {
      await store.advance(seconds)
      model.seconds += seconds
      if (model.hold === 'lease') for (const key of model.holders.keys()) lose(model, key)
    },
    toString: () => `advance(${seconds / HOUR} h)`,
  }
}

function clean(): Command {
  return { check: () => true, run: (_, { store }) => store.clean(), toString: () => 'clean' }
}

/** The clock of the processes jumps. No inbox may care. */
function skewClock(hours: number): Command {
  return {
    check: () => true,
    run() {
      vi.setSystemTime(Date.now() + hours * HOUR * 1000)
      return Promise.resolve()
    },
    toString: () => `skewClock(${hours} h)`,
  }
}

function onRun(
  name: string,
  nth: number,
  act: (model: Model, real: Real, started: ModelRun) => Promise<void>,
): Command {
  let key = `run ${nth}`
  return {
    check: (model) => model.runs.length > 0,
    async run(model, real) {
      const started = model.runs[nth % model.runs.length] as ModelRun
      key = started.run.key
      await act(model, real, started)
    },
    toString: () => `${name}(${key})`,
  }
}

function leave(model: Model, started: ModelRun): void {
  model.runs.splice(model.runs.indexOf(started), 1)
  if (model.holders.get(started.run.key) === started) model.holders.delete(started.run.key)
}

function lose(model: Model, key: string): void {
  const holder = model.holders.get(key)
  model.holders.delete(key)
  if (typeof holder === 'object') holder.isLost = true
}

function addEffects(model: Model, key: string, count: number): void {
  model.effects.set(key, (model.effects.get(key) ?? 0) + count)
}
