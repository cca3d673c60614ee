import { inboxConformance } from '@hongbao/core/testing'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { PATIENCE_MS } from '../patience.ts'
import { checkAgainstModel } from './inbox-comparison.ts'
import type { InboxHost, InboxStore, OpenInbox } from './inbox-host.ts'
import { deliver, inboxOf, startRun, type InboxOfProcess } from './inbox-run.ts'

type Define = (name: string, content: () => void | Promise<void>) => void

/**
 * What every inbox must do, on its real store: what people's own inboxes must, and what a host can do
 * to its server besides. A new one is a host and a line in inbox.test.ts.
 */
export function describeInbox(host: InboxHost): void {
  describe.each([host])('$name', () => {
    describeHost(host)
  })
}

/** The cases of test/FAULTS.md that tests of `inboxConformance` cover. */
const CASES: ReadonlyMap<string, string> = new Map([
  ['a key that was busy when its first run failed is applied by the next redelivery', '[E4]'],
  [
    'a hundred deliveries of a key at once run once, and the others are busy without waiting for the run',
    '[E1, E3]',
  ],
  ['a hundred deliveries of a key at once to four processes run once', '[E2]'],
  ['a hundred keys at once, ten deliveries of each, are applied once each', '[E5]'],
  ['a key whose process died is applied by a redelivery, at the latest an hour after', '[E22]'],
])

function describeHost(host: InboxHost): void {
  const isShared = host.hold !== 'process'
  // Tests that do not apply to a memory inbox are left out: they would count as skipped.
  const itShared: Define = isShared ? it : () => {}
  const describeShared: Define = isShared ? describe : () => {}
  let store: InboxStore
  const opened = new Set<OpenInbox>()

  beforeAll(async () => {
    store = await host.start()
  })

  afterEach(async () => {
    await Promise.all([...opened].map((process) => process.close()))
    opened.clear()
  })

  afterAll(() => store.close())

  async function open(): Promise<OpenInbox> {
    const process = await store.open()
    opened.add(process)
    return process
  }

  const named = new Set<string>()
  const defineTest: Define = it
  inboxConformance(async () => inboxOf(await store.open()), {
    describe,
    it(name, test) {
      named.add(name)
      defineTest([name, CASES.get(name)].join(' ').trim(), test)
    },
    shared: isShared,
    effects: {
      write: (_key, { applyEffect }) => applyEffect(),
      count: (key) => store.countEffects(key),
      transactional: host.hold === 'transaction',
    },
    async advance(seconds) {
      await store.advance(seconds)
      await store.clean()
    },
    crash: ({ process }: InboxOfProcess) => process.crash(),
    close: ({ process }: InboxOfProcess) => process.close(),
    // The model below goes further.
    walks: 3,
    timeoutMs: PATIENCE_MS,
  })

  itShared('inboxConformance has every test that test/FAULTS.md names', () => {
    expect([...named]).toEqual(expect.arrayContaining([...CASES.keys()]))
  })

  it('a key may have ten thousand characters', async () => {
    const process = await open()
    const keys = ['包'.repeat(1000), `${'包'.repeat(1000)}1`, 'x'.repeat(10_000)]
    for (const key of keys) expect([key, await deliver(process, key)]).toEqual([key, 'applied'])
    for (const key of keys) expect([key, await deliver(process, key)]).toEqual([key, 'duplicate'])
  })

  describeShared('a run that lost its key unnoticed', () => {
    it('is not applied when another one runs meanwhile, and does not disturb it [E23, E24]', async () => {
      const [first, second] = [await open(), await open()]
      const late = await startRun(first, 'stolen')
      await store.takeAway('stolen')
      const thief = await startRun(second, 'stolen')
      expect(thief.answer).toBe('started')
      expect(await late.finish()).toHaveProperty('error')
      expect(await deliver(first, 'stolen')).toBe('busy')
      await thief.applyEffect()
      expect(await thief.finish()).toEqual({ admission: 'applied' })
      expect(await store.countEffects('stolen')).toBe(1)
    })

    it('does not release the key of another run if its work rejects', async () => {
      const [first, second] = [await open(), await open()]
      const late = await startRun(first, 'stolen and failed')
      await store.takeAway('stolen and failed')
      const thief = await startRun(second, 'stolen and failed')
      const error = new Error('declined')
      expect(await late.fail(error)).toEqual({ error })
      expect(await deliver(first, 'stolen and failed')).toBe('busy')
      await thief.finish()
      expect(await deliver(first, 'stolen and failed')).toBe('duplicate')
    })
  })

  it('behaves like the model in any order of events [E60, E61, E72]', async () => {
    await checkAgainstModel(host, store)
  }, 600_000)
}
