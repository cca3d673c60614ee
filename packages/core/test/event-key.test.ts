import { describe, expect, it } from 'vitest'
import { appIdOf, eventKey, type WebhookEvent } from '../src/index.ts'
import { asEvent, chargeSucceeded, envelopeSent, openReceiver } from './signed.ts'

const SENT_KEY = 'app_1Gqj58ynP0mHeX1q:live:red_envelope.sent:red_04er10TuvT4OCyLO08aLOqbD'

/** Two processes that know nothing of each other: one gets the webhook, the other one polls. */
async function webhookThenPoll(
  keyOf: (event: WebhookEvent, key: string) => string | undefined,
): Promise<Map<string | undefined, number>> {
  const payments = new Map<string | undefined, number>()
  const [receiving, polling] = [openReceiver(), openReceiver()]
  for (const { webhooks } of [receiving, polling]) {
    webhooks.on('red_envelope.sent', (event, { key }) => {
      payments.set(keyOf(event, key), event.data.object.amount)
    })
  }
  await receiving.deliver(envelopeSent())
  await polling.webhooks.dispatch(asEvent(envelopeSent({ id: undefined })), { source: 'poll' })
  return payments
}

describe('the idempotency key of a handler', () => {
  it('is the same for a webhook and a poll, so an effect with it happens once [H19]', async () => {
    const payments = await webhookThenPoll((_, key) => key)
    expect([...payments]).toEqual([[SENT_KEY, 100]])
  })

  it('is not the id of the event, with which the same effect happens twice [H19]', async () => {
    const payments = await webhookThenPoll((event) => event.id)
    expect([...payments.keys()]).toEqual(['evt_dS28Kn8qsUCBZYTgSUxCPnKA', undefined])
  })

  it('is the result of `eventKey` and the key that the inbox gets', async () => {
    const opened = openReceiver()
    const keys: string[] = []
    opened.webhooks.on('*', (event, { key }) => {
      keys.push(key)
      expect(eventKey(event)).toBe(key)
    })
    await opened.deliver(envelopeSent())
    await opened.deliver(chargeSucceeded())
    expect(keys).toEqual(opened.admitted)
    expect(keys).toEqual([SENT_KEY, 'app_1Gqj58ynP0mHeX1q:live:evt_2pGHD9NSN2ToGpmsPTVv6ylB'])
  })
})

describe('appIdOf', () => {
  it.each([
    ['an id', 'app_1', 'app_1'],
    ['an expanded app', { id: 'app_1', object: 'app' }, 'app_1'],
    ['nothing', undefined, undefined],
    ['a number', 5, undefined],
  ])('of a payload that has %s', (_, app, id) => {
    expect(appIdOf(asEvent(chargeSucceeded({ object: { app } })))).toBe(id)
  })
})
