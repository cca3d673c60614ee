import { IncomingMessage } from 'node:http'
import { Socket } from 'node:net'
import { PassThrough, Readable } from 'node:stream'
import { describe, expect, it } from 'vitest'
import { nodeDelivery } from '../src/adapter.ts'
import { createWebhooks } from '../src/index.ts'
import { SIGNATURE_HEADER } from '../src/keys/signature.ts'
import { PINGPP } from './signed.ts'

const SIGNATURE = Buffer.alloc(256, 7).toString('base64')

describe('a body that a hook of the framework substituted for the request', () => {
  it.each([
    ['an error of a decompressor', Object.assign(new Error('incorrect header'), { errno: -3 })],
    ['an error with a type that raw-body does not have', typed('storage.gone')],
    ['an error with the name of a property that all objects have', typed('constructor')],
  ])('is refused as body-aborted if it fails with %s', async (_, error) => {
    const { stream, handle } = open({ [SIGNATURE_HEADER]: SIGNATURE })
    const reply = handle()
    stream.destroy(error)
    expect(await reply).toMatchObject({ status: 400, code: 'body-aborted' })
  })

  it('leaves the stacks of later errors as they are when it fails', async () => {
    const limit = Error.stackTraceLimit
    const { stream, handle } = open({ [SIGNATURE_HEADER]: SIGNATURE })
    const reply = handle()
    stream.destroy(typed('storage.gone'))
    await reply
    expect(Error.stackTraceLimit).toBe(limit)
  })

  it.each(['objects', 'texts'])('is refused as body-consumed if it is one of %s', async (kind) => {
    const { request, webhooks } = open({ [SIGNATURE_HEADER]: SIGNATURE })
    const body = Readable.from(kind === 'objects' ? [{ a: 1 }] : ['{}'])
    const reply = await webhooks.handle(nodeDelivery(request, 'Hint.', { body }))
    expect(reply).toMatchObject({ status: 500, code: 'body-consumed' })
  })

  it('is none if only a method `pipe` makes it look like one, as values of Effect and RxJS do [G29]', async () => {
    const { request, webhooks } = open({ [SIGNATURE_HEADER]: SIGNATURE })
    request.push(null)
    const reply = await webhooks.handle(nodeDelivery(request, 'Hint.', { body: { pipe() {} } }))
    expect(reply).toMatchObject({ status: 401, code: 'signature-mismatch' })
  })

  // Without a listener the error would end the process.
  it.each([
    ['nothing reads it, because the request has no signature', {}, 401],
    ['it was refused as too large', { [SIGNATURE_HEADER]: SIGNATURE }, 413],
  ])('may fail after the answer when %s', async (_, headers, status) => {
    const { stream, handle } = open(headers)
    const reply = handle()
    stream.write(Buffer.alloc(2048))
    expect(await reply).toMatchObject({ status })
    expect(stream.listenerCount('error')).toBeGreaterThan(0)
    stream.destroy(new Error('The sender is gone.'))
  })
})

function open(headers: Record<string, string>) {
  const request = new IncomingMessage(new Socket())
  Object.assign(request, { method: 'POST', headers })
  const stream = new PassThrough()
  const webhooks = createWebhooks({
    publicKey: PINGPP.publicKey,
    logger: false,
    maxBodyBytes: 1024,
  })
  return {
    stream,
    request,
    webhooks,
    handle: () => webhooks.handle(nodeDelivery(request, 'Hint.', { body: stream })),
  }
}

function typed(type: string): Error {
  return Object.assign(new Error('The stream failed.'), { type })
}
