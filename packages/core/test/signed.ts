import { generateKeyPairSync, sign, type KeyObject } from 'node:crypto'
import {
  createWebhooks,
  memoryInbox,
  type DispatchResult,
  type Inbox,
  type Reply,
  type WebhookError,
  type WebhookEvent,
  type WebhookReport,
  type Webhooks,
  type WebhooksOptions,
} from '../src/index.ts'
import type { Delivery } from '../src/receive/delivery.ts'

/** The key pair in Ping++'s place. Signing uses only node:crypto here: no code under test. */
export const PINGPP: { readonly publicKey: KeyObject; readonly privateKey: KeyObject } =
  generateKeyPairSync('rsa', { modulusLength: 2048 })

/** When the events of these tests were created, in Unix seconds: new year of the dragon, 2024. */
export const CREATED = 1_707_523_200

/** The time on the clock of these tests: five seconds later. */
export const NOW_MS: number = (CREATED + 5) * 1000

export const SIGNATURE = 'x-pingplusplus-signature'

/** Changes to an event; what is `undefined` is left out of its JSON. `object` changes the payload. */
export type Changes = Readonly<Record<string, unknown>> & {
  readonly object?: Readonly<Record<string, unknown>>
}

/** A `red_envelope.sent` as in the guide, step 4. */
export function envelopeSent({ object, ...event }: Changes = {}): Record<string, unknown> {
  const envelope = {
    id: 'red_04er10TuvT4OCyLO08aLOqbD',
    object: 'red_envelope',
    created: CREATED - 2,
    received: null,
    livemode: true,
    status: 'sent',
    app: 'app_1Gqj58ynP0mHeX1q',
    channel: 'wx_pub',
    order_no: '123456789',
    transaction_no: '0010037269201603240630694982',
    amount: 100,
    currency: 'cny',
    recipient: 'o9zpMs7Xk9e9aJbTXgufovuWGp7c',
    subject: '新年红包',
    ...object,
  }
  return eventOf('red_envelope.sent', 'evt_dS28Kn8qsUCBZYTgSUxCPnKA', envelope, event)
}

/** A `charge.succeeded`, with little in it. */
export function chargeSucceeded({ object, ...event }: Changes = {}): Record<string, unknown> {
  const charge = {
    id: 'ch_AHa8orGa3paOKU0ME1xIhAcv',
    object: 'charge',
    app: 'app_1Gqj58ynP0mHeX1q',
    amount: 8800,
    ...object,
  }
  return eventOf('charge.succeeded', 'evt_2pGHD9NSN2ToGpmsPTVv6ylB', charge, event)
}

function eventOf(
  type: string,
  id: string,
  object: Readonly<Record<string, unknown>>,
  changes: Readonly<Record<string, unknown>>,
): Record<string, unknown> {
  return {
    id,
    created: CREATED,
    livemode: true,
    type,
    data: { object },
    object: 'event',
    ...changes,
  }
}

/** An event for `dispatch`, whose types are stricter than a test about strange events can be. */
export function asEvent(event: Readonly<Record<string, unknown>>): WebhookEvent {
  return event as unknown as WebhookEvent
}

/** Whether nothing of a value can be changed, however deep. */
export function isFrozenThroughout(value: unknown): boolean {
  if (typeof value !== 'object' || value === null) return true
  return Object.isFrozen(value) && Object.values(value).every(isFrozenThroughout)
}

/** The body that a test sends: an event, or exactly these bytes. */
export type Content = string | Uint8Array | Readonly<Record<string, unknown>>

export function bytesOf(content: Content): Buffer {
  if (typeof content === 'string') return Buffer.from(content)
  if (content instanceof Uint8Array) return Buffer.from(content)
  return Buffer.from(JSON.stringify(content))
}

/** What Ping++ would put into the header. */
export function signatureOf(content: Content, key: KeyObject = PINGPP.privateKey): string {
  return sign('RSA-SHA256', bytesOf(content), key).toString('base64')
}

/** The parts of a delivery besides its body and its signature by Ping++. */
export interface Unusual {
  readonly method?: string
  /** The value of the header; null if there is none. Default: the right signature. */
  readonly signature?: string | readonly string[] | null
  readonly headers?: Readonly<Record<string, string | readonly string[]>>
}

/** A delivery as an adapter makes it. */
export function deliveryOf(content: Content, unusual: Unusual = {}): Delivery {
  const { method = 'POST', signature = signatureOf(content), headers = {} } = unusual
  const all = new Map<string, string | readonly string[]>(Object.entries(headers))
  if (signature !== null) all.set(SIGNATURE, signature)
  return {
    method,
    header: (name) => all.get(name),
    body: () => Promise.resolve(bytesOf(content)),
  }
}

/** The error of a report or a result that has one. */
export function errorOf(end: WebhookReport | DispatchResult | undefined): WebhookError | undefined {
  return end !== undefined && 'error' in end ? end.error : undefined
}

/** The code of a reply or a report, or else its outcome. */
export function nameOf(end: WebhookReport | Reply): string {
  return 'code' in end ? end.code : end.outcome
}

/** A receiver, and everything that can be seen of what it did. */
export interface Opened {
  readonly webhooks: Webhooks
  readonly reports: WebhookReport[]
  /** The log, each line with its level. */
  readonly lines: string[]
  /** The keys of the calls of the inbox. */
  readonly admitted: string[]
  /** The keys that the inbox applied and so remembers. */
  readonly applied: string[]
  /** The events that handlers of {@link openListener} saw. */
  readonly seen: WebhookEvent[]
  readonly deliver: (content: Content, unusual?: Unusual) => Promise<Reply>
}

/** A receiver without a handler. */
export function openReceiver(options: Partial<WebhooksOptions> = {}): Opened {
  const reports: WebhookReport[] = []
  const lines: string[] = []
  const admitted: string[] = []
  const applied: string[] = []
  const now = options.now ?? (() => NOW_MS)
  const webhooks = createWebhooks({
    publicKey: PINGPP.publicKey,
    now,
    onReport: (report) => void reports.push(report),
    logger: {
      warn: (line) => void lines.push(`warn ${line}`),
      error: (line) => void lines.push(`error ${line}`),
    },
    ...options,
    inbox: watched(options.inbox ?? memoryInbox({ now }), admitted, applied),
  })
  return {
    webhooks,
    reports,
    lines,
    admitted,
    applied,
    seen: [],
    deliver: (content, unusual) => webhooks.handle(deliveryOf(content, unusual)),
  }
}

/** A receiver with one handler, for `'*'`, that notes what it sees. */
export function openListener(options: Partial<WebhooksOptions> = {}): Opened {
  const opened = openReceiver(options)
  opened.webhooks.on('*', (event) => void opened.seen.push(event))
  return opened
}

function watched(inbox: Inbox, admitted: string[], applied: string[]): Inbox {
  return {
    ...inbox,
    async admit(key, work) {
      admitted.push(key)
      const admission = await inbox.admit(key, work)
      if (admission === 'applied') applied.push(key)
      return admission
    },
  }
}
