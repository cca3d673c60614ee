import { createWebhooks, unlisted, type Inbox } from '@hongbao/core'
import {
  createEventWorker,
  handOff,
  listFailed,
  redrive,
  type HandedOffEvent,
} from '@hongbao/bullmq'
import { Queue, type Worker } from 'bullmq'
import { expectTypeOf, it } from 'vitest'

const connection = { host: '127.0.0.1' }
const webhooks = createWebhooks({ publicKey: '' })

it('takes any queue of BullMQ, whatever its jobs are typed as', () => {
  const plain = new Queue('hongbao', { connection })
  const typed = new Queue<HandedOffEvent, string>('hongbao', { connection })
  webhooks.on('*', handOff(plain))
  webhooks.on('*', handOff(typed))
  webhooks.on('red_envelope.sent', handOff(plain, { attempts: 3 }))
  webhooks.on(unlisted('coupon.created'), handOff(plain))
  expectTypeOf(redrive(typed, { jobIds: ['a'] })).resolves.toBeNumber()
  expectTypeOf(listFailed(plain)).resolves.items.toHaveProperty('jobId').toBeString()
  // @ts-expect-error -- a misspelt option
  handOff(plain, { attempt: 3 })
})

it('gives a worker of BullMQ, for a receiver with any inbox', () => {
  const inbox: Inbox<{ readonly tx: string }> = {
    retentionSeconds: 97_200,
    admit: () => Promise.resolve('applied'),
  }
  const transactional = createWebhooks({ publicKey: '', inbox })
  const worker = createEventWorker(transactional, { name: 'hongbao', connection })
  expectTypeOf(worker).toEqualTypeOf<Worker<HandedOffEvent, string>>()
  createEventWorker(webhooks, { name: 'hongbao', connection, worker: { lockDuration: 60_000 } })
  // @ts-expect-error -- the concurrency has one place
  createEventWorker(webhooks, { name: 'hongbao', connection, worker: { concurrency: 5 } })
})
