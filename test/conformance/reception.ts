import {
  createWebhooks,
  type Reply,
  type WebhookErrorCode,
  type WebhookEvent,
  type WebhookReport,
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
  readonly reports: WebhookReport[]
  /** The lines of the default log. */
  readonly log: string[]
  /** The first report that fits, as soon as there is one. */
  report(fits: (report: WebhookReport) => boolean): Promise<WebhookReport>
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
    onReport: (report) => reports.add(report),
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

/** A signed notification of a new event. */
export function notification(): SignedDelivery {
  return signDelivery(eventFixture('red_envelope.sent'), keys)
}

/** A signed notification with exactly these bytes. */
export function signed(content: string | Uint8Array): SignedDelivery {
  return signDelivery(content, keys)
}

/**
 * Asserts an answer of hongbao: the status, and nothing but a constant body.
 *
 * @param name the outcome of what was accepted, the code of anything else
 */
export function expectAnswer(response: RawResponse, status: number, name: AnswerName): void {
  const { headers, body } = response
  expect({ status: response.status, body }).toEqual({ status, body: bodyOf(status, name) })
  expect(headers).toMatchObject({
    'content-type': 'application/json; charset=utf-8',
    'content-length': String(body.length),
    'cache-control': 'no-store',
  })
}

/** The outcome in an answer, or the code of one that was rejected or failed. */
export type AnswerName = 'handled' | 'duplicate' | 'unhandled' | WebhookErrorCode

/** The outcome or code of a reply or a report. */
export function nameOf(end: Reply | WebhookReport): AnswerName {
  return 'code' in end ? end.code : end.outcome
}

/** The constant body of an answer. */
export function bodyOf(status: number, name: AnswerName): string {
  if (status < 300) return `{"outcome":"${name}"}`
  return `{"outcome":"${status < 500 ? 'rejected' : 'failed'}","code":"${name}"}`
}

/** Asserts that no handler ran and nothing was recorded: the signed notification is still new. */
export async function expectStillNew(reception: Reception, genuine: SignedDelivery): Promise<void> {
  expect(reception.handled).toEqual([])
  expectAnswer(await reception.deliver(genuine), 200, 'handled')
  expect(reception.handled).toHaveLength(1)
}

function createReports() {
  const all: WebhookReport[] = []
  const waiting = new Set<() => void>()
  return {
    all,
    add(report: WebhookReport): void {
      all.push(report)
      for (const look of waiting) look()
    },
    find: (fits: (report: WebhookReport) => boolean) =>
      new Promise<WebhookReport>((resolve) => {
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
