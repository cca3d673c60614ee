import { expectAdmission, expectError } from './key-cases.ts'
import { expectSame, Mismatch, show } from './mismatch.ts'
import type { Case } from './trial.ts'

const HOUR = 60 * 60
const DECLINED = new Error('declined')

const OTHERS =
  'A redelivery may reach any instance of the app. If each remembers for itself, each applies the event. An inbox for one process only: `shared: false`.'

/** What processes know of each other, and what becomes of records: what needs a store, its clock or a transaction. */
export const STORE_CASES: readonly Case[] = [
  {
    name: 'an applied key is a duplicate for other processes, and for one that starts later',
    why: OTHERS,
    isFor: ({ shared }) => shared,
    async run(trial) {
      const [first, second] = [await trial.open(), await trial.open()]
      const key = trial.key('shared')
      expectSame('The answer of the first process', await first.deliver(key), 'applied')
      await first.inbox.flush?.()
      expectSame('The answer of another process', await second.deliver(key), 'duplicate')
      const later = await trial.open()
      expectSame('The answer of a later process', await later.deliver(key), 'duplicate')
      await trial.expectEffects(key, 1)
    },
  },
  {
    name: 'a key is busy for other processes while it runs, and free for them after it failed',
    why: OTHERS,
    isFor: ({ shared }) => shared,
    async run(trial) {
      const [first, second] = [await trial.open(), await trial.open()]
      const key = trial.key('elsewhere')
      const failing = await first.start(key)
      expectSame('The answer of another process', await second.deliver(key), 'busy')
      expectError(await failing.fail('declined'), 'declined')
      const run = await second.start(key)
      expectSame('The answer of another process after the failure', run.answer, 'started')
      expectSame('The answer of the first process', await first.deliver(key), 'busy')
      await run.writeEffect()
      expectAdmission(await run.finish(), 'applied')
      expectSame('The answer after the work', await first.deliver(key), 'duplicate')
      await trial.expectEffects(key, 1)
    },
  },
  {
    name: 'ready() resolves while the store works, and flush() after an event, if the inbox has them',
    why: '`webhooks.ready()` passes on what `ready` rejects with, and `webhooks.close()` waits for `flush`.',
    async run(trial) {
      const { inbox, deliver } = await trial.open()
      await deliver(trial.key('flushed'))
      for (const name of ['ready', 'flush'] as const) {
        await inbox[name]?.().catch((error: unknown) => {
          if (error instanceof Mismatch) throw error
          throw new Mismatch(`\`${name}\` resolves.`, `It rejects with ${show(error)}.`, error)
        })
      }
    },
  },
  {
    name: 'an effect that was written before the work rejected is undone',
    why: 'An inbox that promises one transaction for the effect and the record must roll both back, or the redelivery writes the effect again.',
    isFor: ({ effects }) => effects.transactional === true,
    async run(trial) {
      const process = await trial.open()
      const key = trial.key('rejects late')
      const run = await process.start(key)
      await run.writeEffect()
      expectError(await run.fail('declined'), 'declined')
      await trial.expectEffects(key, 0)
      expectSame('The answer to the redelivery', await process.deliver(key), 'applied')
      await trial.expectEffects(key, 1)
    },
  },
  {
    name: 'an applied key is a duplicate until its retention ends, which begins when it is applied',
    why: 'The last retry comes after 24 h 47 min, and an app may replay events for as long as `retentionSeconds` says.',
    isFor: ({ advance }) => advance !== undefined,
    async run({ open, key: keyOf, subject }) {
      const process = await open()
      const key = keyOf('retained')
      const kept = process.inbox.retentionSeconds - 60
      expectError(await process.admit(key, () => Promise.reject(DECLINED)), DECLINED)
      await subject.advance?.(kept)
      expectSame('The answer to a late redelivery', await process.deliver(key), 'applied')
      await subject.advance?.(kept)
      expectSame('The answer a minute before the end', await process.deliver(key), 'duplicate')
    },
  },
  {
    name: 'an applied key is forgotten some time after its retention',
    why: 'A store that keeps every key grows without limit.',
    isFor: ({ advance }) => advance !== undefined,
    async run({ open, key: keyOf, subject }) {
      const process = await open()
      const key = keyOf('forgotten')
      await process.deliver(key)
      await subject.advance?.(2 * process.inbox.retentionSeconds)
      expectSame('The answer after twice the retention', await process.deliver(key), 'applied')
    },
  },
  {
    name: 'a key whose process died is applied by a redelivery, at the latest an hour after',
    why: 'A process can die at any time. A claim without an end blocks the key until Ping++ gives up, and the event is lost.',
    isFor: ({ crash, shared }) => shared && crash !== undefined,
    async run(trial) {
      const process = await trial.open()
      const key = trial.key('crashed')
      const run = await process.start(key)
      await run.writeEffect()
      await trial.crash(process)
      const next = await trial.open()
      const { advance, effects } = trial.subject
      const atOnce = await next.deliver(key)
      if (atOnce === 'busy' && advance === undefined) {
        throw new Mismatch(
          'The key is free.',
          'It is busy. If a lease holds it, pass `advance` too.',
        )
      }
      if (atOnce === 'busy') await advance?.(HOUR)
      const answer = atOnce === 'busy' ? await next.deliver(key) : atOnce
      expectSame('The answer to the redelivery', answer, 'applied')
      expectSame('The answer after that', await next.deliver(key), 'duplicate')
      // The crash came after the effect: without a transaction it stays.
      await trial.expectEffects(key, effects.transactional === true ? 1 : 2)
    },
  },
]
