import { createWebhooks, unlisted, type Inbox } from '@hongbao/core'
import { createEventWorker, handOff, listFailed, redrive, type EventWorker } from '@hongbao/pg-boss'
import { PgBoss, type Db } from 'pg-boss'
import { expectTypeOf, it } from 'vitest'

const boss = new PgBoss('postgres://127.0.0.1/postgres')
const webhooks = createWebhooks({ publicKey: '' })
const inbox: Inbox<{ readonly tx: Db }> = {
  retentionSeconds: 97_200,
  admit: () => Promise.resolve('applied'),
}
const transactional = createWebhooks({ publicKey: '', inbox })

it('makes a handler for any type of event', async () => {
  webhooks.on('*', await handOff(boss))
  webhooks.on('red_envelope.sent', await handOff(boss, { name: 'sent' }))
  webhooks.on(unlisted('coupon.created'), await handOff(boss))
  expectTypeOf(redrive(boss, { jobIds: ['a'] })).resolves.toBeNumber()
  expectTypeOf(listFailed(boss)).resolves.items.toHaveProperty('jobId').toBeString()
  // @ts-expect-error -- a misspelt option
  await handOff(boss, { attempt: 3 })
})

it('takes the transaction out of what the inbox lends', async () => {
  const handler = await handOff<{ readonly tx: Db }>(boss, { db: ({ tx }) => tx })
  transactional.on('*', handler)
  // @ts-expect-error -- this receiver's inbox lends none
  webhooks.on('*', handler)
})

it('gives a worker, for a receiver with any inbox', () => {
  expectTypeOf(createEventWorker(webhooks, { boss })).resolves.toEqualTypeOf<EventWorker>()
  expectTypeOf(createEventWorker(transactional, { boss })).resolves.toEqualTypeOf<EventWorker>()
})
