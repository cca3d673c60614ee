import type { EventOf } from '@hongbao/core'

/** The sample of `red_envelope.sent` in Ping++'s red-envelope guide, step 4, as it stands there. */
export const GUIDE_SAMPLE: EventOf<'red_envelope.sent'> = {
  id: 'evt_dS28Kn8qsUCBZYTgSUxCPnKA',
  created: 1458793491,
  livemode: true,
  type: 'red_envelope.sent',
  data: {
    object: {
      id: 'red_04er10TuvT4OCyLO08aLOqbD',
      object: 'red_envelope',
      created: 1458793489,
      received: null,
      livemode: true,
      status: 'sent',
      app: 'app_1Gqj58ynP0mHeX1q',
      channel: 'wx_pub',
      order_no: '123456789',
      transaction_no: '0010037269201603240630694982',
      amount: 100,
      amount_settle: 100,
      currency: 'cny',
      recipient: 'o9zpMs7Xk9e9aJbTXgufovuWGp7c',
      subject: 'Your Subject',
      body: 'Your Body',
      description: 'Your Description',
      failure_msg: null,
      extra: {
        send_name: 'Send Name',
      },
      metadata: {},
    },
  },
  object: 'event',
  pending_webhooks: 0,
  request: 'iar_H0OifTOmTS84Xfj5mT0mvfb1',
}
