import type { HandlerContext } from '@hongbao/core'
import { createSign } from 'node:crypto'
import { asEvent, bytesOf, envelopeSent, PINGPP } from '../../core/test/signed.ts'
import { packEvent, type EventJob } from '../src/event-job.ts'

export const RECEIVED_AT: Date = new Date('2024-02-10T00:00:05.250Z')

/** The event that the handler of a receiver gets for these bytes. */
export function contextOf(
  rawBody: Uint8Array | undefined,
): Pick<HandlerContext, 'rawBody' | 'receivedAt' | 'source'> {
  const context = { rawBody, receivedAt: RECEIVED_AT, source: 'webhook' } as const
  if (rawBody === undefined) return context
  const signature = Buffer.from(signatureOf(rawBody), 'base64')
  return Object.assign(context, { [Symbol.for('hongbao.signature')]: signature })
}

export function signatureOf(bytes: Uint8Array): string {
  return createSign('RSA-SHA256').update(bytes).sign(PINGPP.privateKey, 'base64')
}

/** The job of an event that was delivered. */
export function packed(queue = 'bull:hongbao'): EventJob {
  const bytes = bytesOf(envelopeSent())
  return packEvent(asEvent(envelopeSent()), contextOf(bytes), queue)
}
