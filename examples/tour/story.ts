import { eventFixture, signDelivery, type TestKeys } from '@hongbao/core/testing'
import { GUIDE_SAMPLE } from './guide-sample.ts'
import type { PublishedSample } from './published-sample.ts'

/** One delivery, and what it must lead to. */
export interface Chapter {
  readonly title: string
  /** An order that the app takes by its JSON route before the delivery. */
  readonly orderFirst?: { readonly orderNo: string; readonly amountFen: number }
  /** `published`: to the receiver that trusts the key in Ping++'s SDK, at the time of its sample. */
  readonly to?: 'published'
  readonly body: string
  readonly headers: Readonly<Record<string, string>>
  readonly expected: Sight
}

/** What can be seen of a delivery from outside: the answer, and what the shop noted. */
export interface Sight {
  readonly outcome: string
  readonly status: number
  readonly saw: string
}

/** Who signs: `pingpp` plays Ping++, and nobody knows `stranger`. */
export interface Cast {
  readonly pingpp: TestKeys
  readonly stranger: TestKeys
  readonly published: PublishedSample
}

/** The life of a red envelope and what may go wrong with it, in order. */
export function tellStory({ pingpp, stranger, published }: Cast): readonly Chapter[] {
  const created = Math.floor(Date.now() / 1000)
  const envelope = GUIDE_SAMPLE.data.object
  const sent = sign({ ...GUIDE_SAMPLE, created }, pingpp)
  const received = eventFixture('red_envelope.received', {
    object: { ...envelope, status: 'received', received: created },
  })
  const jackpot = eventFixture('red_envelope.sent', { object: { ...envelope, amount: 20_000 } })
  const hasty = sign(
    eventFixture('red_envelope.sent', { object: { order_no: '987654321', amount: 888 } }),
    pingpp,
  )

  return [
    {
      title: 'red_envelope.sent, guide sample',
      orderFirst: { orderNo: '123456789', amountFen: 100 },
      ...sent,
      expected: { outcome: 'handled', status: 200, saw: '123456789 sent, 1.00 yuan' },
    },
    {
      title: 'red_envelope.received',
      ...sign(received, pingpp),
      expected: { outcome: 'handled', status: 200, saw: '123456789 received, 1.00 yuan' },
    },
    {
      title: "charge.succeeded, Ping++'s own",
      orderFirst: { orderNo: '2015d019f7cf6c0d', amountFen: 100 },
      to: 'published',
      body: published.body,
      headers: {
        'content-type': 'application/json',
        'x-pingplusplus-signature': published.signature,
      },
      expected: { outcome: 'handled', status: 200, saw: '2015d019f7cf6c0d paid, 1.00 yuan' },
    },
    {
      title: 'red_envelope.sent, forged',
      ...sign(jackpot, stranger),
      expected: { outcome: 'forged', status: 401, saw: 'not run' },
    },
    {
      title: 'red_envelope.sent, replayed',
      ...sent,
      expected: { outcome: 'duplicate', status: 200, saw: 'not run' },
    },
    {
      title: 'red_envelope.sent, before order',
      ...hasty,
      expected: { outcome: 'failed', status: 500, saw: '987654321 sent: not saved yet' },
    },
    {
      title: 'red_envelope.sent, sent again',
      orderFirst: { orderNo: '987654321', amountFen: 888 },
      ...hasty,
      expected: { outcome: 'handled', status: 200, saw: '987654321 sent, 8.88 yuan' },
    },
  ]
}

function sign(
  event: Parameters<typeof signDelivery>[0],
  keys: TestKeys,
): Pick<Chapter, 'body' | 'headers'> {
  const { text, headers } = signDelivery(event, keys)
  return { body: text, headers }
}
