import { createWebhooks, type Inbox, type Receiver } from '@hongbao/core'
import {
  bullmqQueue,
  type BullmqWarningCode,
  type EventQueue as BullmqEventQueue,
} from '@hongbao/bullmq'
import {
  createEventQueue,
  type DeadLetter,
  type EventBroker,
  type EventQueue,
  type EventWorker,
  type JobRunner,
  type QueueWarningCode,
} from '@hongbao/hand-off'
import { pgBossQueue, type PgBossWarningCode } from '@hongbao/pg-boss'
import { PgBoss } from 'pg-boss'
import { describe, expectTypeOf, it } from 'vitest'

const connection = { host: '127.0.0.1' }
const boss = new PgBoss('postgres://127.0.0.1/postgres')
const broker: EventBroker = {
  name: 'any:events',
  persist: () => Promise.resolve(),
  take: () => ({ close: () => Promise.resolve() }),
}

describe.each([bullmqQueue({ connection }), pgBossQueue({ boss }), createEventQueue(broker)])(
  'a queue of any broker',
  (queue) => {
    it('is an event queue, whose receiver takes no handlers', () => {
      expectTypeOf(queue).toExtend<EventQueue>()
      expectTypeOf(queue.receiver({ publicKey: '' })).toExtend<Receiver>()
      expectTypeOf(queue.receiver({ publicKey: '' })).not.toHaveProperty('on')
      expectTypeOf(queue.deadLetters({ limit: 5 })).resolves.toEqualTypeOf<DeadLetter[]>()
      expectTypeOf(queue.redrive({ jobIds: ['a'] })).resolves.toBeNumber()
      // @ts-expect-error -- a receiver of a queue remembers nothing
      queue.receiver({ publicKey: '', inbox: undefined })
    })

    it('has workers with the handlers of a receiver with any inbox', () => {
      const inbox: Inbox<{ readonly tx: string }> = {
        retentionSeconds: 97_200,
        admit: () => Promise.resolve('applied'),
      }
      const webhooks = createWebhooks({ publicKey: '', inbox })
      expectTypeOf(queue.work(webhooks)).resolves.toEqualTypeOf<EventWorker>()
    })
  },
)

it('a misspelt option of a queue does not compile', () => {
  // @ts-expect-error -- `attempts`
  bullmqQueue({ connection, attempt: 3 })
  // @ts-expect-error -- `attempts`
  pgBossQueue({ boss, attempt: 3 })
})

it('BullMQ’s own options of a worker do not have the concurrency, which is an option of work()', () => {
  bullmqQueue({ connection, worker: { lockDuration: 60_000 } })
  // @ts-expect-error -- the concurrency has one place
  bullmqQueue({ connection, worker: { concurrency: 5 } })
})

describe('the code of a warning', () => {
  const webhooks = createWebhooks({ publicKey: '' })

  it('is one of a union, in the hook of a queue and of its workers', () => {
    bullmqQueue({
      connection,
      onWarning: (_, { code }) => expectTypeOf(code).toEqualTypeOf<BullmqWarningCode>(),
    })
    const queue = pgBossQueue({
      boss,
      onWarning: (_, { code }) => expectTypeOf(code).toEqualTypeOf<PgBossWarningCode>(),
    })
    void queue.work(webhooks, {
      onWarning: (_, { code }) => expectTypeOf(code).toEqualTypeOf<PgBossWarningCode>(),
    })
    expectTypeOf<'queue-close-timed-out'>().toExtend<BullmqWarningCode & PgBossWarningCode>()
  })

  it('may be any string, in a hook for all queues', () => {
    const onWarning = (_: Error, { code }: { readonly code: string }): void => console.warn(code)
    const queues: EventQueue[] = [
      bullmqQueue({ connection, onWarning }),
      pgBossQueue({ boss, onWarning }),
      createEventQueue(broker, { onWarning }),
    ]
    expectTypeOf(queues).toExtend<BullmqEventQueue[]>()
  })

  it('of a custom broker is any string, or one of the codes that the broker names', () => {
    createEventQueue(broker, { onWarning: (_, { code }) => expectTypeOf(code).toBeString() })
    const named = {
      ...broker,
      take: ({ warn }: JobRunner<'kafka-rebalanced'>) => {
        warn('kafka-rebalanced', 'The partitions have moved.')
        // @ts-expect-error -- a misspelt code
        warn('kafka-rebalance', 'The partitions have moved.')
        return { close: () => Promise.resolve() }
      },
    }
    createEventQueue(named, {
      onWarning: (_, { code }) =>
        expectTypeOf(code).toEqualTypeOf<QueueWarningCode | 'kafka-rebalanced'>(),
    })
  })
})
