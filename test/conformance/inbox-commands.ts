import * as fc from 'fast-check'
import { expect, vi } from 'vitest'
import type { Hold, Line, OpenInbox } from './inbox-host.ts'
import type { Model, ModelRun, Real } from './inbox-model.ts'
import { startRun, type Run, type Settlement } from './inbox-run.ts'

type Command = fc.AsyncCommand<Model, Real>

const HOUR = 60 * 60

/** Everything that can happen to the keys of a store, in any order. */
export function commandsFor(hold: Hold): fc.Arbitrary<Iterable<Command>> {
  const isShared = hold !== 'process'
  // They differ in case and in one character, so that a store that confuses keys is caught.
  // One comes more often than the others: what goes wrong takes several runs of one key to show.
  const key = fc.oneof(
    { weight: 5, arbitrary: fc.constant('red_a') },
    { weight: 3, arbitrary: fc.constantFrom('red_A', '红包', '紅包') },
  )
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
      ...(hold === 'lease'
        ? [fc.tuple(process, key).map(([at, name]) => claimInVain(at, name))]
        : []),
      ...(hold === 'lease' ? [nth.map(failUnheard), ...stalls(process, nth)] : []),
      seconds.map(advance),
      fc.constant(clean()),
      hours.map(skewClock),
    ],
    { maxCommands: 40, size: 'max' },
  )
}

/** What becomes of runs that stall; it takes several of one key to show what goes wrong. */
function stalls(process: fc.Arbitrary<number>, nth: fc.Arbitrary<number>): fc.Arbitrary<Command>[] {
  return [
    process.map((at) => stall(at, 'red_a')),
    process.map((at) => stall(at, 'red_a', 2)),
    nth.map((which) => renewLate(which)),
    nth.map((which) => renewLate(which, 'and fail')),
  ]
}

/** A delivery, which is a duplicate if the key is held or was applied. */
function deliver(at: number, name: string): Command {
  return {
    check: () => true,
    async run(model, { store, processes }) {
      const key = model.prefix + name
      const run = await startRun(processes[at] as OpenInbox, key)
      expect(expectedAnswers(model, key)).toContain(run.answer)
      if (run.answer === 'started') {
        expectTold(model, run)
        begin(model, { run, process: at, pendingEffects: 0, isLost: false, isForgotten: false })
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

/** After a run that neither succeeded nor failed, every later one is a takeover, until one succeeds. */
function expectTold({ hold, unsettled, suspects }: Model, { key, isTakeover }: Run): void {
  if (hold !== 'lease') return
  if (unsettled.has(key)) expect(isTakeover).toBe(true)
  else if (!suspects.has(key)) expect(isTakeover).toBe(false)
}

function begin(model: Model, started: ModelRun): void {
  const { key } = started.run
  model.runs.push(started)
  model.holders.set(key, started)
  model.appliedAt.delete(key)
  model.writtenAt.set(key, model.seconds)
  if (model.unsettled.has(key)) model.unsettled.set(key, 'for good')
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
      remember(model, key)
      addEffects(model, key, started.pendingEffects)
    }
    expect(await store.countEffects(key)).toBe(model.effects.get(key) ?? 0)
  })
}

/**
 * A run that had lost its lease is applied all the same while no other lease holds, and never
 * otherwise; one whose transaction is gone never is.
 */
function expectHonest(model: Model, key: string, settlement: Settlement): void {
  const isApplied = model.hold === 'lease' && !model.holders.has(key)
  if (!isApplied) return expect(settlement).toHaveProperty('error')
  expect(settlement).toEqual({ admission: 'applied' })
  if (!model.appliedAt.has(key)) remember(model, key)
}

function remember(model: Model, key: string): void {
  model.appliedAt.set(key, model.seconds)
  model.writtenAt.set(key, model.seconds)
  model.unsettled.delete(key)
  model.suspects.delete(key)
}

/** The work of a run rejects: its key is free, unless another run has it. */
function fail(nth: number): Command {
  return onRun('fail', nth, async (model, { store }, started) => {
    const { key } = started.run
    const error = new Error('declined')
    expect(await started.run.fail(error)).toEqual({ error })
    leave(model, started)
    if (model.unsettled.get(key) === started) model.unsettled.delete(key)
    expect(await store.countEffects(key)).toBe(model.effects.get(key) ?? 0)
  })
}

/** The work of a run rejects, and the store does not hear of it: the key stays held. */
function failUnheard(nth: number): Command {
  return onRun('fail unheard', nth, async (model, { processes }, started) => {
    const { key } = started.run
    const error = new Error('declined')
    lineOf(processes[started.process]).loseNext('release')
    expect(await started.run.fail(error)).toEqual({ error })
    const isHolder = model.holders.get(key) === started
    leave(model, started)
    if (isHolder) model.holders.set(key, 'dead')
    if (model.unsettled.get(key) === started) model.unsettled.delete(key)
    model.suspects.add(key)
  })
}

/** A run starts, and stalls until its lease is over; then another one does. */
function stall(at: number, name: string, times = 1): Command {
  const [start, end] = [deliver(at, name), takeAway(name)]
  return {
    check: () => true,
    async run(model, real) {
      for (let time = 0; time < times; time += 1) {
        await start.run(model, real)
        if (end.check(model)) await end.run(model, real)
      }
    },
    toString: () => `stall(${name} in ${at}, ${times} times)`,
  }
}

/** A run that had lost its lease renews it, and has the key again if no other run has it. */
function renewLate(nth: number, then?: 'and fail'): Command {
  let key = `run ${nth}`
  const lost = ({ runs }: Model): ModelRun[] => runs.filter(({ isLost }) => isLost)
  return {
    check: (model) => lost(model).length > 0,
    async run(model, real) {
      const late = lost(model)
      const started = late[nth % late.length] as ModelRun
      key = started.run.key
      const isHeld = await started.run.renew()
      expect(expectedRenewals(model, key)).toContain(isHeld)
      if (isHeld) regain(model, started)
      if (then !== undefined) await fail(model.runs.indexOf(started)).run(model, real)
    },
    toString: () => `renew late ${then ?? ''}(${key})`,
  }
}

/** If a delivery may start, the key is not claimed. */
function expectedRenewals(model: Model, key: string): readonly boolean[] {
  return expectedAnswers(model, key).map((answer) => answer === 'started')
}

function regain(model: Model, started: ModelRun): void {
  const { key } = started.run
  started.isLost = false
  started.isForgotten = false
  model.holders.set(key, started)
  model.appliedAt.delete(key)
  model.writtenAt.set(key, model.seconds)
}

/** The answer to a claim is lost: nothing runs, and the claim is released. */
function claimInVain(at: number, name: string): Command {
  return {
    check: () => true,
    async run(model, { processes }) {
      const key = model.prefix + name
      const process = processes[at] as OpenInbox
      const line = lineOf(process)
      const work = vi.fn<() => Promise<void>>()
      line.loseNext('claim-answer')
      await expect(process.admit(key, work)).rejects.toBeInstanceOf(Error)
      await line.quiet()
      expect(work).not.toHaveBeenCalled()
      model.suspects.add(key)
    },
    toString: () => `claimInVain(${name} by ${at})`,
  }
}

function lineOf(process: OpenInbox | undefined): Line {
  if (process?.line === undefined) throw new Error('This process has no line that can be cut.')
  return process.line
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
        leaveUnsettled(model, started)
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

/** The clock of the store advances: leases end, applied keys age. */
function advance(seconds: number): Command {
  return {
    check: () => true,
    async run(model, { store }) {
      await store.advance(seconds)
      model.seconds += seconds
      if (model.hold === 'lease') for (const key of model.holders.keys()) lose(model, key)
      forgetOld(model)
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
  if (typeof holder !== 'object') return
  holder.isLost = true
  model.suspects.add(key)
  if (!model.unsettled.has(key)) model.unsettled.set(key, holder)
}

/** A run that died neither succeeds nor fails any more. */
function leaveUnsettled(model: Model, { run, isForgotten }: ModelRun): void {
  model.suspects.add(run.key)
  if (!isForgotten && !model.appliedAt.has(run.key)) model.unsettled.set(run.key, 'for good')
}

function forgetOld(model: Model): void {
  for (const [key, writtenAt] of model.writtenAt) {
    if (model.seconds - writtenAt < model.retentionSeconds) continue
    model.unsettled.delete(key)
    model.suspects.add(key)
    const forgotten = model.runs.filter(({ run }) => run.key === key)
    for (const started of forgotten) started.isForgotten = true
  }
}

function addEffects(model: Model, key: string, count: number): void {
  model.effects.set(key, (model.effects.get(key) ?? 0) + count)
}
