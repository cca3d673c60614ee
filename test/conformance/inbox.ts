import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest'
import type { Admission } from '@hongbao/core'
import type { InboxHost, InboxStore, OpenInbox } from './inbox-host.ts'
import { checkAgainstModel } from './inbox-comparison.ts'
import { deliver, startRun } from './inbox-run.ts'

const HOUR = 60 * 60

type Define = (name: string, content: () => void | Promise<void>) => void

/** What every inbox must do, on its real store. A new one is a host and a line in inbox.test.ts. */
export function describeInbox(host: InboxHost): void {
  describe.each([host])('$name', () => {
    describeHost(host)
  })
}

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

  async function crash(process: OpenInbox): Promise<void> {
    opened.delete(process)
    await process.crash()
  }

  describe('a key', () => {
    it('is applied once, and remembered', async () => {
      const process = await open()
      expect(await deliver(process, 'once')).toBe('applied')
      expect(await deliver(process, 'once')).toBe('duplicate')
      expect(await store.countEffects('once')).toBe(1)
    })

    it('is busy while its work runs, and no other is', async () => {
      const process = await open()
      const run = await startRun(process, 'running')
      expect(run.answer).toBe('started')
      expect(await deliver(process, 'running')).toBe('busy')
      expect(await deliver(process, 'another')).toBe('applied')
      await run.applyEffect()
      expect(await run.finish()).toEqual({ admission: 'applied' })
      expect(await deliver(process, 'running')).toBe('duplicate')
      expect(await store.countEffects('running')).toBe(1)
    })

    it.each<[string, unknown]>([
      ['an error', new Error('declined')],
      ['text', 'declined'],
      ['nothing', undefined],
    ])(
      'is not remembered when its work rejects with %s, which is passed on',
      async (kind, error) => {
        const process = await open()
        const key = `rejects with ${kind}`
        const run = await startRun(process, key)
        expect(await run.fail(error)).toEqual({ error })
        expect(await deliver(process, key)).toBe('applied')
        expect(await store.countEffects(key)).toBe(1)
      },
    )

    it('is not remembered when its work throws', async () => {
      const process = await open()
      const error = new Error('declined')
      const admission = process.admit('throws', () => {
        throw error
      })
      await expect(admission).rejects.toBe(error)
      expect(await deliver(process, 'throws')).toBe('applied')
    })

    it('leaves no effect if its work rejects after it, if both share a transaction', async () => {
      const process = await open()
      const run = await startRun(process, 'rejects late')
      await run.applyEffect()
      await run.fail(new Error('declined'))
      expect(await store.countEffects('rejects late')).toBe(host.hold === 'transaction' ? 0 : 1)
    })

    it('runs once more when it comes again while the first run fails [E4]', async () => {
      const process = await open()
      const first = await startRun(process, 'fails first')
      expect(await deliver(process, 'fails first')).toBe('busy')
      await first.fail(new Error('declined'))
      expect(await deliver(process, 'fails first')).toBe('applied')
      expect(await deliver(process, 'fails first')).toBe('duplicate')
      expect(await store.countEffects('fails first')).toBe(1)
    })

    it('is distinguished from every other one: by case, form, spaces, script and length', async () => {
      const process = await open()
      for (const key of KEYS) expect([key, await deliver(process, key)]).toEqual([key, 'applied'])
      for (const key of KEYS) {
        expect([key, await deliver(process, key)]).toEqual([key, 'duplicate'])
        expect([key, await store.countEffects(key)]).toEqual([key, 1])
      }
    })
  })

  describe('a hundred duplicates at once', () => {
    it('run once; the others return without waiting for the run [E1, E3]', async () => {
      const process = await open()
      await expectOneRun([process], 'hundred')
    })

    itShared('run once over four processes [E2]', async () => {
      await expectOneRun([await open(), await open(), await open(), await open()], 'four')
    })

    /** Everybody but the one that runs is answered while that one still waits. */
    async function expectOneRun(processes: readonly OpenInbox[], key: string): Promise<void> {
      const end = Promise.withResolvers<void>()
      const started = vi.fn<() => void>()
      const others = Promise.withResolvers<void>()
      const answers: Admission[] = []
      const admissions = Array.from({ length: 100 }, async (_, index) => {
        const process = processes[index % processes.length] as OpenInbox
        const admission = await process.admit(key, async (applyEffect) => {
          started()
          await applyEffect()
          await end.promise
        })
        answers.push(admission)
        if (answers.length === 99) others.resolve()
      })
      await Promise.race([others.promise, Promise.all(admissions)])
      expect(answers).toEqual(Array.from({ length: 99 }, () => 'busy'))
      end.resolve()
      await Promise.all(admissions)
      expect(answers.at(-1)).toBe('applied')
      expect(started).toHaveBeenCalledOnce()
      expect(await store.countEffects(key)).toBe(1)
    }
  })

  it('applies a hundred keys at once, each once, ten deliveries of each [E5]', async () => {
    const processes = isShared ? [await open(), await open()] : [await open()]
    const keys = Array.from({ length: 100 }, (_, index) => `many ${index}`)
    const answers = await Promise.all(
      Array.from({ length: 1000 }, (_, index) => {
        const process = processes[index % processes.length] as OpenInbox
        return deliver(process, keys[(index * 7) % 100] as string)
      }),
    )
    expect(answers.filter((answer) => answer === 'applied')).toHaveLength(100)
    for (const key of keys) expect(await store.countEffects(key)).toBe(1)
  })

  describe('an applied key', () => {
    it('is remembered for at least 27 h, and for the whole retention', async () => {
      const process = await open()
      const { retentionSeconds } = process
      expect(retentionSeconds).toBeGreaterThanOrEqual(27 * HOUR)
      await deliver(process, 'retained')
      await store.advance(retentionSeconds - 60)
      await store.clean()
      expect(await deliver(process, 'retained')).toBe('duplicate')
    })

    it('is forgotten some time after the retention', async () => {
      const process = await open()
      await deliver(process, 'forgotten')
      await store.advance(2 * process.retentionSeconds)
      await store.clean()
      expect(await deliver(process, 'forgotten')).toBe('applied')
    })

    itShared('is known to every process, and to those that start later', async () => {
      const [first, second] = [await open(), await open()]
      await deliver(first, 'shared')
      expect(await deliver(second, 'shared')).toBe('duplicate')
      await crash(first)
      expect(await deliver(await open(), 'shared')).toBe('duplicate')
      expect(await store.countEffects('shared')).toBe(1)
    })

    itShared('is busy for other processes while it runs', async () => {
      const [first, second] = [await open(), await open()]
      const run = await startRun(first, 'elsewhere')
      expect(await deliver(second, 'elsewhere')).toBe('busy')
      await run.applyEffect()
      await run.finish()
      expect(await deliver(second, 'elsewhere')).toBe('duplicate')
    })
  })

  describe('a process that dies', () => {
    it('has not applied what it was running [E22]', async () => {
      const process = await open()
      const run = await startRun(process, 'crashed')
      await run.applyEffect()
      await crash(process)
      const next = await open()
      const isLeased = host.hold === 'lease'
      expect(await deliver(next, 'crashed')).toBe(isLeased ? 'busy' : 'applied')
      await store.advance(isLeased ? HOUR : 0)
      expect(await deliver(next, 'crashed')).toBe(isLeased ? 'applied' : 'duplicate')
      expect(await deliver(next, 'crashed')).toBe('duplicate')
      // Once if both share a transaction, else once a run: the crash came after the effect.
      expect(await store.countEffects('crashed')).toBe(host.hold === 'transaction' ? 1 : 2)
    })
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

const KEYS: readonly string[] = [
  'app_1Gqj58ynP0mHeX1q:live:red_envelope.sent:red_04er10TuvT4OCyLO08aLOqbD',
  'app_1Gqj58ynP0mHeX1q:live:red_envelope.sent:red_04ER10TUVT4OCYLO08ALOQBD',
  'app_1Gqj58ynP0mHeX1q:test:red_envelope.sent:red_04er10TuvT4OCyLO08aLOqbD',
  'evt',
  'evt ',
  ' evt',
  'evt\n',
  'Evt',
  '红包',
  '紅包',
  '红包：恭喜发财，大吉大利 🧧',
  '\u00E9',
  'e\u0301',
  "it's; drop table inbox; --",
  '"quoted" \\ back',
  '100%s $1 {tag} {other}',
  '*?[a-z]',
  '__proto__',
  'constructor',
  '包'.repeat(1000),
  `${'包'.repeat(1000)}1`,
  'x'.repeat(10_000),
]
