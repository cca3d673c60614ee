import {
  createWebhooks,
  type Outcome,
  type Report,
  type WebhookEvent,
  type Webhooks,
  type WebhooksOptions,
} from '@hongbao/core'
import {
  createTestKeys,
  eventFixture,
  signDelivery,
  type SignedDelivery,
  type TestKeys,
} from '@hongbao/core/testing'
import { expect, onTestFinished } from 'vitest'
import type { Host } from './host.ts'
import { send, type RawRequest, type RawResponse } from './raw-http.ts'

/** Plays Ping++ for a test file. */
export const keys: TestKeys = createTestKeys()

/** A receiver that runs in a host, with everything a test wants to see of it. */
export interface Reception {
  readonly port: number
  readonly webhooks: Webhooks
  /** The events that the handler was given, in order. */
  readonly handled: WebhookEvent[]
  readonly reports: Report[]
  /** The lines of the default log. */
  readonly log: string[]
  /** The first report that fits, as soon as there is one. */
  report(fits: (report: Report) => boolean): Promise<Report>
  /** Sends one request to `/webhooks`. */
  send(request: RawRequest): Promise<RawResponse>
  /** Sends a notification as Ping++ would. */
  deliver(signed: SignedDelivery): Promise<RawResponse>
}

/** Options of the receiver, and what its handler of `red_envelope.sent` does. */
export interface ReceptionOptions extends Partial<WebhooksOptions> {
  readonly handle?: ((event: WebhookEvent) => void | Promise<void>) | undefined
}

/** Starts a receiver in a host; it is closed when the test is over. */
export async function open(
  host: Pick<Host, 'start'>,
  { handle, ...options }: ReceptionOptions = {},
): Promise<Reception> {
  const handled: WebhookEvent[] = []
  const log: string[] = []
  const reports = createReports()
  const webhooks = createWebhooks({
    publicKey: keys.publicKey,
    logger: { warn: (line) => void log.push(line), error: (line) => void log.push(line) },
    observe: (report) => reports.add(report),
    ...options,
  })
  webhooks.on('red_envelope.sent', (event) => {
    handled.push(event)
    return handle?.(event)
  })
  const running = await host.start(webhooks)
  onTestFinished(() => running.close())
  const { port } = running
  return {
    port,
    webhooks,
    handled,
    reports: reports.all,
    log,
    report: reports.find,
    send: (request) => send(port, request),
    deliver: ({ headers, bytes }) => send(port, { headers, body: bytes }),
  }
}

/** A genuine notification of an event of its own. */
export function notification(): SignedDelivery {
  return signDelivery(eventFixture('red_envelope.sent'), keys)
}

/** A genuine notification with exactly these bytes. */
export function signed(content: string | Uint8Array): SignedDelivery {
  return signDelivery(content, keys)
}

/** Asserts an answer of hongbao: the status, and nothing but the constant body of its outcome. */
export function expectAnswer(response: RawResponse, status: number, outcome: Outcome): void {
  const { headers, body } = response
  expect({ status: response.status, body }).toEqual({ status, body: `{"outcome":"${outcome}"}` })
  expect(headers).toMatchObject({
    'content-type': 'application/json; charset=utf-8',
    'content-length': String(body.length),
    'cache-control': 'no-store',
  })
}

/** Asserts that no handler ran and nothing was recorded: the genuine notification is still new. */
export async function expectStillNew(reception: Reception, genuine: SignedDelivery): Promise<void> {
  expect(reception.handled).toEqual([])
  expectAnswer(await reception.deliver(genuine), 200, 'handled')
  expect(reception.handled).toHaveLength(1)
}

function createReports() {
  const all: Report[] = []
  const waiting = new Set<() => void>()
  return {
    all,
    add(report: Report): void {
      all.push(report)
      for (const look of waiting) look()
    },
    find: (fits: (report: Report) => boolean) =>
      new Promise<Report>((resolve) => {
        function look(): void {
          const found = all.find(fits)
          if (found === undefined) return
          waiting.delete(look)
          resolve(found)
        }
        waiting.add(look)
        look()
      }),
  }
}
