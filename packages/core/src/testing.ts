import { createPrivateKey, generateKeyPairSync, randomBytes } from 'node:crypto'
import { isBytes } from './keys/bytes.ts'
import type { Delivery } from './receive/delivery.ts'
import type { WebhookEvent } from './events/event.ts'
import type { EventPayloads, EventType } from './events/catalogue.ts'
import { payloadOf } from './fixtures/payloads.ts'
import type { HandlerContext } from './receive/handlers.ts'
import type { NoContext } from './inbox/inbox.ts'
import { deeplyFrozen } from './events/json.ts'
import type { KeyObjectLike } from './keys/pem.ts'
import { toKeyObject } from './keys/pem.ts'
import { SIGNATURE_HEADER, signBytes } from './keys/signature.ts'

// Exported here too: otherwise the built types would import `adapter`, and with it those of `node:http`.
export type { Delivery } from './receive/delivery.ts'
export { inboxConformance } from './conformance/inbox-conformance.ts'
export type { InboxConformanceOptions, InboxEffects } from './conformance/options.ts'

/** A throw-away key pair in Ping++'s place: PEM, RSA 2048. */
export interface TestKeys {
  /** For `createWebhooks({ publicKey })`. */
  readonly publicKey: string
  /** For {@link signDelivery}. */
  readonly privateKey: string
}

/** Makes a key pair in Ping++'s place. Takes about 0.1 s: make one for a test file. */
export function createTestKeys(): TestKeys {
  return generateKeyPairSync('rsa', {
    modulusLength: 2048,
    publicKeyEncoding: { type: 'spki', format: 'pem' },
    privateKeyEncoding: { type: 'pkcs8', format: 'pem' },
  })
}

/** Changes to a fixture. */
export interface FixtureChanges<Type extends EventType> {
  readonly id?: string | undefined
  /** Unix time in seconds. Default: now. */
  readonly created?: number | undefined
  readonly livemode?: boolean | undefined
  /** Changes to `data.object`. */
  readonly object?: Partial<EventPayloads[Type]> | undefined
}

/**
 * A realistic event of a catalogued type, created now and with ids of its own, so that an inbox
 * takes no two fixtures for one. It is deeply frozen, as the event of a webhook is: pass `changes`
 * instead of writing to it.
 */
export function eventFixture<Type extends EventType>(
  type: Type,
  changes: FixtureChanges<Type> = {},
): WebhookEvent<Type> {
  const { created = Math.floor(Date.now() / 1000), livemode = true } = changes
  const payload = payloadOf(type)
  const object = { ...payload, ...freshParts(payload, created), ...changes.object }
  const { id: ownId, ...head } = headOf(type)
  const id = changes.id ?? ownId
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- the payload is that of the type
  return deeplyFrozen({
    ...(id === undefined ? {} : { id }),
    created,
    livemode,
    type,
    data: { object },
    object: 'event',
    ...head,
  }) as WebhookEvent<Type>
}

/** Returns what Ping++ writes around a payload of this type, besides what every event has. */
function headOf(type: EventType): Partial<WebhookEvent> {
  if (POLLED.has(type)) return {}
  const isRequested = type !== 'red_envelope.received' && !type.includes('summary')
  const request = isRequested ? randomId('iar_') : null
  // As in the sample of the Java SDK.
  if (type === 'agreement.succeeded') return { request }
  return { id: randomId('evt_'), pending_webhooks: 0, request }
}

/** Dispatched by the reconciler; Ping++ has no webhook for them. */
const POLLED: ReadonlySet<EventType> = new Set([
  'red_envelope.failed',
  'red_envelope.refunding',
  'red_envelope.refund',
] as const)

/**
 * A context for calling a handler directly in a unit test: `await onSent(eventFixture('red_envelope.sent'),
 * testContext({ tx }))`.
 *
 * `changes` are the context of the inbox and any other field. Default: a unique `key`, a `signal` that
 * never fires, `receivedAt` now, `source` `'webhook'`, and no `rawBody` and `keyFingerprint`. For the
 * key that the receiver would pass: `{ key: eventKey(event) }`.
 */
export function testContext<Lent extends object = NoContext>(
  changes?: Partial<HandlerContext> & Lent,
): HandlerContext<Lent> {
  const context: HandlerContext = {
    key: `test:${randomBytes(12).toString('hex')}`,
    signal: new AbortController().signal,
    receivedAt: new Date(),
    rawBody: undefined,
    source: 'webhook',
    keyFingerprint: undefined,
  }
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- without changes `Lent` is nothing
  return { ...context, ...changes } as HandlerContext<Lent>
}

/** A notification as Ping++ would send it, in the form of several test tools. */
export interface SignedDelivery {
  /** The body; the signature covers exactly these bytes. */
  readonly bytes: Uint8Array
  /** The body as text, for tools that take text: `request(app).post(path).set(headers).send(text)` (supertest). */
  readonly text: string
  /** Content type and signature. */
  readonly headers: Readonly<Record<string, string>>
  /** For `webhooks.handle(signed.delivery())`: no HTTP at all. */
  delivery(): Delivery
  /** For `fetch(url, signed.init())`, `app.request(path, signed.init())` (Hono) and `new Request(url, signed.init())`. */
  init(): { method: 'POST'; headers: Record<string, string>; body: Uint8Array<ArrayBuffer> }
  /** For `app.inject({ url, ...signed.inject() })` (Fastify). */
  inject(): { method: 'POST'; headers: Record<string, string>; payload: Uint8Array }
}

/** Signs an event, or any text or bytes, as Ping++ would. */
export function signDelivery(
  content: WebhookEvent | string | Uint8Array,
  keys: { readonly privateKey: string | KeyObjectLike },
): SignedDelivery {
  const bytes = toBytes(content)
  const { privateKey: key } = keys
  const privateKey = typeof key === 'string' ? createPrivateKey(key) : toKeyObject(key)
  const headers: Readonly<Record<string, string>> = {
    'content-type': 'application/json; charset=utf-8',
    [SIGNATURE_HEADER]: signBytes(bytes, privateKey),
  }
  return {
    bytes,
    text: bytes.toString(),
    headers,
    delivery: () => ({
      method: 'POST',
      header: (name) => headers[name],
      body: () => Promise.resolve(bytes),
    }),
    init: () => ({ method: 'POST', headers: { ...headers }, body: new Uint8Array(bytes) }),
    inject: () => ({ method: 'POST', headers: { ...headers }, payload: bytes }),
  }
}

function toBytes(content: WebhookEvent | string | Uint8Array): Buffer {
  if (typeof content === 'string' || isBytes(content)) return Buffer.from(content)
  return Buffer.from(JSON.stringify(content))
}

/** Returns a new id in the style of the old one, and the time of the last step, if the payload has them. */
function freshParts(payload: object, created: number): object {
  const { id, received, refunded }: Partial<Readonly<Record<string, unknown>>> = { ...payload }
  return {
    ...(typeof id === 'string' && { id: freshId(id) }),
    ...(typeof received === 'number' && { received: created }),
    ...(typeof refunded === 'number' && { refunded: created }),
  }
}

function freshId(id: string): string {
  const prefix = /^[a-z]+_/.exec(id)?.[0]
  return prefix === undefined ? randomDigits(id.length) : randomId(prefix)
}

function randomId(prefix: string): string {
  return prefix + randomBytes(12).toString('hex')
}

function randomDigits(length: number): string {
  return '1' + Array.from(randomBytes(length - 1), (byte) => byte % 10).join('')
}
