import { createWebhooks, type Inbox, type Receiver } from '@hongbao/core'
import { pgBossQueue, type DeadLetter, type EventQueue, type EventWorker } from '@hongbao/pg-boss'
import { PgBoss } from 'pg-boss'
import { expectTypeOf, it } from 'vitest'

const boss = new PgBoss('postgres://127.0.0.1/postgres')
const queue = pgBossQueue({ boss })

it('makes an event queue, whose receiver takes no handlers', () => {
  expectTypeOf(queue).toEqualTypeOf<EventQueue>()
  expectTypeOf(queue.receiver({ publicKey: '' })).toExtend<Receiver>()
  expectTypeOf(queue.receiver({ publicKey: '' })).not.toHaveProperty('on')
  expectTypeOf(queue.deadLetters({ limit: 5 })).resolves.toEqualTypeOf<DeadLetter[]>()
  expectTypeOf(queue.redrive({ jobIds: ['a'] })).resolves.toBeNumber()
  // @ts-expect-error -- a misspelt option
  pgBossQueue({ boss, attempt: 3 })
})

it('works with the handlers of a receiver with any inbox', () => {
  const inbox: Inbox<{ readonly tx: string }> = {
    retentionSeconds: 97_200,
    admit: () => Promise.resolve('applied'),
  }
  const webhooks = createWebhooks({ publicKey: '', inbox })
  expectTypeOf(queue.work(webhooks)).resolves.toEqualTypeOf<EventWorker>()
})
