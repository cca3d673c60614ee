/** Jobs that no receiver made, and why a worker refuses each. */
export function madeUpJobs(): [name: string, data: object, reason: RegExp][] {
  const job = {
    version: 1,
    key: 'app_1:live:charge.succeeded:ch_1',
    type: 'charge.succeeded',
    id: 'evt_forged',
    body: Buffer.from(JSON.stringify(CHARGE)).toString('base64'),
    receivedAt: new Date().toJSON(),
    source: 'webhook',
  }
  const unsigned = /^queue-job-unsigned \(charge\.succeeded evt_forged\): .*acceptUnsigned: true/
  return [
    ['it claims to be signed', { ...job, signed: true }, /^queue-job-invalid /],
    ['it has no signature', { ...job, signature: null }, unsigned],
    ['it claims to be polled', { ...job, signature: null, source: 'poll' }, unsigned],
    ['its signature is made up', { ...job, signature: MADE_UP }, /^signature-mismatch /],
  ]
}

const CHARGE = {
  id: 'evt_forged',
  object: 'event',
  created: 1,
  livemode: true,
  type: 'charge.succeeded',
  data: { object: { id: 'ch_1', object: 'charge', paid: true, amount: 9_999_999, app: 'app_1' } },
}

// As long as a key of 2,048 bits makes it.
const MADE_UP = Buffer.alloc(256, 7).toString('base64')
