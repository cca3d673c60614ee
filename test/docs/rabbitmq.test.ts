import type { Webhooks } from '@hongbao/core'
import { createTestKeys, eventFixture, signDelivery } from '@hongbao/core/testing'
import type { EventQueue, EventWorker } from '@hongbao/hand-off'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { EventEmitter, once } from 'node:events'
import { createServer, type RequestListener } from 'node:http'
import { join } from 'node:path'
import type { AddressInfo } from 'node:net'
import { afterAll, beforeAll, describe, expect, it, onTestFinished, vi } from 'vitest'
import { codeBlocks } from './markdown.ts'
import { readDocument } from './snippets.ts'
import { PATIENCE_MS } from '../patience.ts'

const keys = createTestKeys()
const [rabbit, app] = codeBlocks(readDocument('packages/hand-off/README.md')).filter(
  ({ language }) => language === 'ts',
)

/** What the README exports. */
interface Shop {
  readonly app: RequestListener
  readonly queue: EventQueue
  readonly webhooks: Webhooks
  readonly worker: EventWorker
}

// RabbitMQ is not installed here. A fake has the calls of its channel that the README uses.
describe('packages/hand-off/README.md', () => {
  const directory = mkdtempSync(join(import.meta.dirname, '.snippets-'))

  beforeAll(() => {
    writeFileSync(join(directory, 'rabbit-queue.ts'), rabbit?.text ?? '')
    writeFileSync(join(directory, 'shop.ts'), app?.text ?? '')
  })

  afterAll(() => rmSync(directory, { recursive: true }))

  it('shows a broker for RabbitMQ in at most 25 lines', () => {
    const lines = rabbit?.text.split('\n').filter((line) => /\w/.test(line)) ?? []
    expect(lines.length).toBeLessThanOrEqual(25)
  })

  it('takes an event from HTTP through RabbitMQ to its handler', async () => {
    const { deliver, shop, channel } = await openShop()
    const log = vi.spyOn(console, 'log').mockReturnValue()
    const event = eventFixture('red_envelope.sent')
    expect(await deliver(event)).toBe(200)
    await vi.waitFor(
      () => expect(log).toHaveBeenCalledWith(event.id, expect.any(Date)),
      PATIENCE_MS,
    )
    expect(channel.acked).toBe(1)
    await shop.worker.close()
    expect(channel.cancelled).toEqual(['consumer-1'])
  })

  it('retries an event whose handler failed, and acknowledges it in the end', async () => {
    const { deliver, shop, channel } = await openShop()
    vi.spyOn(console, 'log').mockReturnValue()
    let runs = 0
    shop.webhooks.on('*', () => {
      runs += 1
      if (runs < 3) throw new Error('no stock')
    })
    expect(await deliver(eventFixture('red_envelope.sent'))).toBe(200)
    await vi.waitFor(() => expect(channel.acked).toBe(1), PATIENCE_MS)
    expect(runs).toBe(3)
  })

  it('acknowledges an event whose handler ends during close() before close() resolves', async () => {
    const { deliver, shop, channel } = await openShop()
    vi.spyOn(console, 'log').mockReturnValue()
    const end = Promise.withResolvers<void>()
    const handler = vi.fn<() => Promise<void>>(() => end.promise)
    shop.webhooks.on('*', handler)
    expect(await deliver(eventFixture('red_envelope.sent'))).toBe(200)
    await vi.waitFor(() => expect(handler).toHaveBeenCalledOnce(), PATIENCE_MS)
    const closed = shop.worker.close()
    await vi.waitFor(() => expect(channel.cancelled).toEqual(['consumer-1']), PATIENCE_MS)
    end.resolve()
    await closed
    expect(channel.acked).toBe(1)
  })

  it('turns a forged job into a dead letter', async () => {
    const { channel } = await openShop()
    const error = vi.spyOn(console, 'error').mockReturnValue()
    channel.sendToQueue('webhooks', Buffer.from('hello'), { messageId: 'x' }, () => {})
    await vi.waitFor(() => expect(channel.dead).toHaveLength(1), PATIENCE_MS)
    expect(String(error.mock.calls.at(-1)?.[2])).toMatch(/^queue-job-invalid/)
  })

  it('answers 500 if RabbitMQ does not confirm', async () => {
    const { deliver, channel } = await openShop()
    for (const level of ['error', 'warn'] as const) vi.spyOn(console, level).mockReturnValue()
    channel.refuses = true
    expect(await deliver(eventFixture('red_envelope.sent'))).toBe(500)
  })

  it('answers 500 if RabbitMQ confirms events that it returned, because the queue is gone', async () => {
    const { deliver, channel } = await openShop()
    for (const level of ['error', 'warn'] as const) vi.spyOn(console, level).mockReturnValue()
    channel.isDeleted = true
    const event = eventFixture('red_envelope.sent')
    expect(await Promise.all([deliver(event), deliver(event)])).toEqual([500, 500])
    channel.isDeleted = false
    expect(await deliver(event)).toBe(200)
  })

  it('warns when the queue of its worker is deleted', async () => {
    const { channel } = await openShop()
    const warn = vi.spyOn(console, 'warn').mockReturnValue()
    await channel.cancelConsumer()
    expect(warn.mock.calls).toEqual([['[hongbao] rabbitmq-cancelled: webhooks was deleted.']])
  })

  let opened = 0

  async function openShop() {
    const channel = createChannel()
    vi.doMock('amqplib', () => ({
      default: { connect: async () => ({ createConfirmChannel: async () => channel }) },
    }))
    vi.stubEnv('PINGPP_PUBLIC_KEY', keys.publicKey)
    opened += 1
    const path = `${join(directory, 'shop.ts')}?${opened}`
    const shop = (await import(/* @vite-ignore */ path)) as Shop
    const server = createServer(shop.app).listen(0, '127.0.0.1')
    await once(server, 'listening')
    onTestFinished(async () => {
      await shop.worker.close()
      server.close()
      vi.restoreAllMocks()
      vi.unstubAllEnvs()
    })
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/webhooks`
    const deliver = async (event: Parameters<typeof signDelivery>[0]): Promise<number> =>
      (await fetch(url, signDelivery(event, keys).init())).status
    return { shop, channel, deliver }
  }
})

interface Message {
  readonly content: Buffer
  readonly properties: {
    readonly messageId: string
    readonly headers: { readonly 'x-delivery-count': number }
  }
}

/** A channel of RabbitMQ with one queue, in memory. */
function createChannel() {
  const waiting: Message[] = []
  let consumer: ((message: Message | null) => unknown) | undefined
  const events = new EventEmitter()

  function flow(): void {
    if (consumer === undefined) return
    for (const message of waiting.splice(0)) void consumer(message)
  }

  return {
    acked: 0,
    dead: [] as Message[],
    cancelled: [] as string[],
    refuses: false,
    isDeleted: false,
    on: events.on.bind(events),
    cancelConsumer: async () => consumer?.(null),
    sendToQueue(
      _queue: string,
      content: Buffer,
      { messageId, correlationId }: { messageId: string; correlationId?: string },
      confirm: (error: Error | null) => void,
    ) {
      if (this.refuses) return confirm(new Error('nacked'))
      if (this.isDeleted) {
        // With `mandatory`, the return comes before the confirm.
        events.emit('return', { properties: { correlationId } })
        return confirm(null)
      }
      waiting.push({ content, properties: { messageId, headers: { 'x-delivery-count': 0 } } })
      confirm(null)
      flow()
    },
    prefetch: async () => {},
    async consume(_queue: string, consume: (message: Message | null) => unknown) {
      consumer = consume
      queueMicrotask(flow)
      return { consumerTag: 'consumer-1' }
    },
    ack() {
      this.acked += 1
    },
    nack({ content, properties }: Message, _allUpTo: boolean, requeue: boolean) {
      const count = properties.headers['x-delivery-count'] + 1
      const again = {
        content,
        properties: { ...properties, headers: { 'x-delivery-count': count } },
      }
      const next = requeue ? waiting : this.dead
      next.push(again)
      flow()
    },
    async cancel(tag: string) {
      consumer = undefined
      this.cancelled.push(tag)
    },
  }
}
