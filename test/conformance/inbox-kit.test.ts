import { memoryInbox, type Inbox } from '@hongbao/core'
import { inboxConformance, type InboxConformanceOptions } from '@hongbao/core/testing'
import { describe, expect, it } from 'vitest'
import {
  createStore,
  FAULTY_INBOXES,
  FAULTY_MANNERS,
  FAULTY_STORES,
  STORE_RULES,
} from './faulty-inboxes.ts'
import { PATIENCE_MS } from '../patience.ts'

describe('inboxConformance', () => {
  it('accepts the memory inbox', async () => {
    expect(await failuresOf(() => memoryInbox(), { shared: false, walks: 100 })).toEqual([])
  })

  it('accepts a store with transactions and leases that keeps the rules', async () => {
    const { makeInbox, options } = createStore(STORE_RULES)
    expect(await failuresOf(makeInbox, { ...options, walks: 100 })).toEqual([])
  })

  it.each([...FAULTY_INBOXES, ...FAULTY_MANNERS])(
    'detects an inbox that %s, and says what, and why it matters',
    async (_, makeInbox) => {
      expectMessages(await failuresOf(makeInbox, { shared: false, timeoutMs: 200 }))
    },
  )

  it.each(FAULTY_STORES)('detects a store that %s', async (_, rules) => {
    const { makeInbox, options } = createStore({ ...STORE_RULES, ...rules })
    expectMessages(await failuresOf(makeInbox, options))
  })

  it('tells how to test an inbox that is not shared', async () => {
    const [failure] = await failuresOf(() => memoryInbox())
    expect(failure).toContain('`shared: false`')
  })

  it('finds faults of order by its walks alone, and finds them again by the seed of the message', async () => {
    const [failure = ''] = await failuresOf(forgetsAfterTwoFailures, { shared: false, walks: 200 })
    const seed = Number(/`seed: (\d+), walks: 1`/.exec(failure)?.[1])
    expect(seed).not.toBeNaN()
    const options = { shared: false, walks: 1, seed }
    expect(await failuresOf(forgetsAfterTwoFailures, options)).toEqual([failure])
  })

  it.each(['makeInbox', 'advance', 'crash', 'close', 'write', 'count'])(
    'ends, and says what has not answered, if `%s` never does',
    async (name) => {
      const { makeInbox, options } = createStore(STORE_RULES)
      const never = () => new Promise<never>(() => {})
      const { effects } = options
      const failures = await failuresOf(name === 'makeInbox' ? never : makeInbox, {
        ...options,
        ...(name in effects && { effects: { ...effects, [name]: never } }),
        ...(['advance', 'crash', 'close'].includes(name) && { [name]: never }),
        walks: 1,
        timeoutMs: 20,
      })
      expectMessages(failures)
      expect(failures.join('\n')).toContain(`\`${name}\``)
    },
  )

  it('has the seed in the message if something other than the inbox fails in a walk', async () => {
    const error = new Error('The table of effects is gone.')
    const failures = await failuresOf(() => memoryInbox(), {
      shared: false,
      effects: { write() {}, count: () => Promise.reject(error) },
    })
    const ofWalk = failures.find((failure) => failure.includes('Steps:'))
    expect(ofWalk).toMatch(/The table of effects is gone\.[^]*`seed: \d+, walks: 1`/)
  })

  it('tells what an inbox did wrong even if it cannot be closed then', async () => {
    const close = () => Promise.reject(new Error('It is closed.'))
    const failures = await failuresOf(() => memoryInbox(), { close, walks: 1 })
    expect(failures.join('\n')).toContain('`shared: false`')
  })

  it('has no test of walks if there are none', async () => {
    const names: string[] = []
    inboxConformance(() => memoryInbox(), {
      describe: (_name, define) => define(),
      it: (name) => names.push(name),
      walks: 0,
    })
    expect(names.join('\n')).not.toContain('in any order')
  })

  it('tells that a crash needs a clock, if a lease holds the key', async () => {
    const { makeInbox, options } = createStore(STORE_RULES)
    const { effects, crash } = options
    const failures = await failuresOf(makeInbox, { effects, crash })
    expect(failures).toEqual([expect.stringContaining('pass `advance` too')])
  })

  it('runs on a store that knows the keys of the run before', async () => {
    const { makeInbox, options } = createStore(STORE_RULES)
    const { effects } = options
    expect(await failuresOf(makeInbox, { effects })).toEqual([])
    expect(await failuresOf(makeInbox, { effects })).toEqual([])
  })

  it('closes every inbox that has not crashed, once', async () => {
    const opened = new Map<Inbox, number>()
    const { makeInbox, options } = createStore(STORE_RULES)
    const open = () => {
      const inbox = makeInbox()
      opened.set(inbox, 0)
      return inbox
    }
    const end = (inbox: Inbox) => void opened.set(inbox, (opened.get(inbox) ?? 0) + 1)
    await failuresOf(open, { ...options, crash: end, close: end })
    expect([...new Set(opened.values())]).toEqual([1])
  })

  it('refuses a misspelt option, and an inbox in place of a function', () => {
    const runner = { describe: () => {}, it: () => {} }
    const misspelt = { ...runner, efects: {} }
    expect(() => inboxConformance(() => memoryInbox(), misspelt)).toThrow('`effects`')
    const inbox = memoryInbox() as unknown as () => Inbox
    expect(() => inboxConformance(inbox, runner)).toThrow(
      'must be a function that returns an inbox',
    )
  })
})

function expectMessages(failures: readonly string[]): void {
  expect(failures).not.toEqual([])
  for (const failure of failures) {
    expect(failure).toMatch(/^Expected: .+\.\nHappened: .+\nWhy it matters: .+\.$/s)
  }
}

/** Runs the suite without a test runner, and returns the messages of what failed. */
async function failuresOf<Tested extends Inbox<object>>(
  makeInbox: () => Tested | Promise<Tested>,
  options: Partial<InboxConformanceOptions<Tested>> = {},
): Promise<string[]> {
  const tests: (() => Promise<void>)[] = []
  inboxConformance(makeInbox, {
    describe: (_name, define) => define(),
    it: (_name, test) => tests.push(test),
    timeoutMs: PATIENCE_MS,
    ...options,
  })
  const failures: string[] = []
  for (const test of tests) {
    await test().catch(({ message }: Error) => failures.push(message))
  }
  return failures
}

/** Every other test lets a key fail once at most. */
function forgetsAfterTwoFailures(): Inbox {
  const inbox = memoryInbox()
  const failures = new Map<string, number>()
  return {
    retentionSeconds: inbox.retentionSeconds,
    async admit(key, work) {
      const count = failures.get(key) ?? 0
      try {
        return await inbox.admit(count >= 2 ? `${key} ${Math.random()}` : key, work)
      } catch (error) {
        failures.set(key, count + 1)
        throw error
      }
    },
  }
}
