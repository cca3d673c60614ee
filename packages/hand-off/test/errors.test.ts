import { createWebhooks, type LogFields, type WebhookEvent } from '@hongbao/core'
import { createTestKeys, eventFixture } from '@hongbao/core/testing'
import { expect, it, vi } from 'vitest'
import { QueueError } from '../src/errors.ts'

const { publicKey } = createTestKeys()

it('a queue error is logged with its own message, not with one that was assigned later [S19]', async () => {
  const error = vi.fn<(line: string, fields: LogFields) => void>()
  const webhooks = createWebhooks({ publicKey, logger: { warn() {}, error } })
  const thrown = new QueueError('queue-not-ready', 'any:events has not answered.')
  webhooks.on('*', () => Promise.reject(Object.assign(thrown, { message: 'secret' })))
  await webhooks.dispatch(eventFixture('red_envelope.sent') as WebhookEvent)
  expect(error).toHaveBeenCalledExactlyOnceWith(
    expect.stringMatching(/ \[InboxError queue-not-ready at .*] any:events has not answered\.$/),
    expect.objectContaining({ code: 'handler-failed', errorCode: 'queue-not-ready' }),
  )
})
