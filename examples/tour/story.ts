import { createReconciler, type RedEnvelopeCreateParams } from '@hongbao/client'
import type { SandboxAttempt } from '@hongbao/sandbox'
import type { Stage } from './stage.ts'

/** One step of the loop, and what must come of it. */
export interface Chapter {
  readonly title: string
  /** Does the step and returns its result, apart from what the shop recorded. */
  play(stage: Stage): Promise<Omit<Sight, 'saw'>>
  readonly expected: Sight
}

/** What can be seen of a step: how it ended, with which status, and what the shop noted. */
export interface Sight {
  readonly outcome: string
  /** The HTTP status that the app answered; `-` if it was not called. */
  readonly status: number | '-'
  readonly saw: string
}

/** The guide's steps, and then what may go wrong on the way, in order. */
export const STORY: readonly Chapter[] = [
  {
    title: 'create, by the client',
    async play({ client, url }) {
      await placeOrder(url, '123456789', 100)
      const { status } = await client.redEnvelopes.create(redEnvelope('123456789', 100))
      return { outcome: status, status: '-' }
    },
    expected: { outcome: 'sending', status: '-', saw: 'not run' },
  },
  {
    title: 'retrieve: red_envelope.sent',
    play: (stage) => retrieve(stage, '123456789'),
    expected: { outcome: 'handled', status: 200, saw: '123456789 sent, 1.00 yuan' },
  },
  {
    title: 'retrieve: red_envelope.received',
    play: (stage) => retrieve(stage, '123456789'),
    expected: { outcome: 'handled', status: 200, saw: '123456789 received, 1.00 yuan' },
  },
  {
    title: "charge.succeeded, Ping++'s own",
    async play({ url, publishedUrl, published: { body, signature } }) {
      await placeOrder(url, '2015d019f7cf6c0d', 100)
      const headers = {
        'content-type': 'application/json',
        'x-pingplusplus-signature': signature,
      }
      const response = await post(`${publishedUrl}/webhooks`, body, headers)
      return { outcome: outcomeIn(await response.text()), status: response.status }
    },
    expected: { outcome: 'handled', status: 200, saw: '2015d019f7cf6c0d paid, 1.00 yuan' },
  },
  {
    title: 'sent, with a forged signature',
    async play(stage) {
      stage.sandbox.faults.add('wrong-key')
      await placeOrder(stage.url, '222', 888)
      await stage.client.redEnvelopes.create(redEnvelope('222', 888))
      return retrieve(stage, '222')
    },
    expected: { outcome: 'rejected', status: 401, saw: 'not run' },
  },
  {
    title: '  after 5 s, signed by Ping++',
    play: (stage) => waitSeconds(stage, 5),
    expected: { outcome: 'handled', status: 200, saw: '222 sent, 8.88 yuan' },
  },
  {
    title: 'sent, before its order',
    async play(stage) {
      await stage.client.redEnvelopes.create(redEnvelope('333', 520))
      return retrieve(stage, '333')
    },
    expected: { outcome: 'failed', status: 500, saw: '333 sent: not saved yet' },
  },
  {
    title: '  after 5 s, again',
    async play(stage) {
      await placeOrder(stage.url, '333', 520)
      return waitSeconds(stage, 5)
    },
    expected: { outcome: 'handled', status: 200, saw: '333 sent, 5.20 yuan' },
  },
  {
    title: 'received, the 200 is lost',
    play(stage) {
      stage.sandbox.faults.add('answer-lost')
      return retrieve(stage, '333')
    },
    expected: { outcome: 'handled', status: 200, saw: '333 received, 5.20 yuan' },
  },
  {
    title: '  after 5 s, again',
    play: (stage) => waitSeconds(stage, 5),
    expected: { outcome: 'duplicate', status: 200, saw: 'not run' },
  },
  {
    title: 'received, no webhook: reconcile',
    async play({ client, sandbox, webhooks }) {
      sandbox.setTarget(undefined)
      sandbox.move('222', 'received')
      const { applied } = await createReconciler({
        pingpp: client,
        webhooks,
        app: APP,
        now: sandbox.clock.now,
      }).run()
      return {
        outcome: applied.length === 1 ? 'handled' : `${applied.length} applied`,
        status: '-',
      }
    },
    expected: { outcome: 'handled', status: '-', saw: '222 received, 8.88 yuan' },
  },
]

const APP = 'app_1Gqj58ynP0mHeX1q'

/** Plays one chapter and adds what the shop noted meanwhile. */
export async function playChapter(chapter: Chapter, stage: Stage): Promise<Sight> {
  const seenBefore = stage.orders.journal.length
  const seen = await chapter.play(stage)
  return { ...seen, saw: stage.orders.journal.slice(seenBefore).join(' | ') || 'not run' }
}

/** Queries an envelope, which in test mode makes Ping++ send the event of its next step (guide, note 4). */
async function retrieve(stage: Stage, orderNo: string): Promise<Omit<Sight, 'saw'>> {
  const { id = '' } = stage.sandbox.envelope(orderNo) ?? {}
  await stage.client.redEnvelopes.retrieve(id)
  await stage.sandbox.clock.settled()
  return lastAnswer(stage)
}

async function waitSeconds(stage: Stage, seconds: number): Promise<Omit<Sight, 'saw'>> {
  await stage.sandbox.clock.advance(seconds * 1000)
  return lastAnswer(stage)
}

/** What the app answered to the last notification. */
function lastAnswer({ sandbox }: Stage): Omit<Sight, 'saw'> {
  const attempts = sandbox.events().flatMap((event) => event.attempts)
  const last = attempts.reduce<SandboxAttempt | undefined>(
    (latest, each) => (latest !== undefined && latest.startedMs > each.startedMs ? latest : each),
    undefined,
  )
  if (last?.response === undefined) return { outcome: last?.error ?? 'nothing sent', status: '-' }
  return { outcome: outcomeIn(last.response.body.toString()), status: last.response.status }
}

function outcomeIn(body: string): string {
  return (JSON.parse(body) as { outcome: string }).outcome
}

/** The guide's parameters (step 3), with texts as a merchant would write them. */
function redEnvelope(orderNo: string, amount: number): RedEnvelopeCreateParams {
  return {
    app: { id: APP },
    channel: 'wx_pub',
    order_no: orderNo,
    amount,
    currency: 'cny',
    recipient: 'o9zpMs7Xk9e9aJbTXgufovuWGp7c',
    subject: '新年红包',
    body: '恭喜发财,大吉大利!',
    description: '春节活动',
    extra: { send_name: '红包商店' },
  }
}

async function placeOrder(url: string, orderNo: string, amountFen: number): Promise<void> {
  const headers = { 'content-type': 'application/json' }
  const placed = await post(`${url}/orders`, JSON.stringify({ orderNo, amountFen }), headers)
  if (!placed.ok) throw new Error(`POST /orders answered ${placed.status}.`)
}

function post(url: string, body: string, headers: Readonly<Record<string, string>>) {
  return fetch(url, { method: 'POST', body, headers, signal: AbortSignal.timeout(5000) })
}
