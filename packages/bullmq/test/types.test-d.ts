import { createWebhooks, type Inbox, type Receiver } from '@hongbao/core'
import { bullmqQueue, type DeadLetter, type EventQueue, type EventWorker } from '@hongbao/bullmq'
import { expectTypeOf, it } from 'vitest'

const connection = { host: '127.0.0.1' }
const queue = bullmqQueue({ connection })

it('makes an event queue, whose receiver takes no handlers', () => {
  expectTypeOf(queue).toEqualTypeOf<EventQueue>()
  expectTypeOf(queue.receiver({ publicKey: '' })).toExtend<Receiver>()
  expectTypeOf(queue.receiver({ publicKey: '' })).not.toHaveProperty('on')
  expectTypeOf(queue.deadLetters({ limit: 5 })).resolves.toEqualTypeOf<DeadLetter[]>()
  expectTypeOf(queue.redrive({ jobIds: ['a'] })).resolves.toBeNumber()
  // @ts-expect-error -- a misspelt option
  bullmqQueue({ connection, attempt: 3 })
  // @ts-expect-error -- a receiver of a queue remembers nothing
  queue.receiver({ publicKey: '', inbox: undefined })
})

it('works with the handlers of a receiver with any inbox', () => {
  const inbox: Inbox<{ readonly tx: string }> = {
    retentionSeconds: 97_200,
    admit: () => Promise.resolve('applied'),
  }
  const webhooks = createWebhooks({ publicKey: '', inbox })
  expectTypeOf(queue.work(webhooks)).resolves.toEqualTypeOf<EventWorker>()
  bullmqQueue({ connection, worker: { lockDuration: 60_000 } })
  // @ts-expect-error -- the concurrency has one place
  bullmqQueue({ connection, worker: { concurrency: 5 } })
})
