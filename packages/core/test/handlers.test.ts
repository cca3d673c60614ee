import { describe, expect, it, vi } from 'vitest'
import { OptionError, unlisted, type WebhookHandler } from '../src/index.ts'
import {
  asEvent,
  chargeSucceeded,
  deliveryOf,
  envelopeSent,
  errorOf,
  openReceiver,
} from './signed.ts'

const ENVELOPE_KEY = 'app_1Gqj58ynP0mHeX1q:live:red_envelope.sent:red_04er10TuvT4OCyLO08aLOqbD'

// Everything JavaScript can throw; the last column is what the log may contain of it.
const THROWN: readonly [string, unknown][] = [
  ['an error', new Error('card 6222 declined')],
  ['undefined', undefined],
  ['null', null],
  ['false', false],
  ['0', 0],
  ['NaN', Number.NaN],
  ['a bigint', 1n],
  ['an empty text', ''],
  ['a text', 'card 6222 declined'],
  ['a symbol', Symbol('declined')],
  ['a function', () => 'declined'],
  ['an object without a prototype', Object.create(null)],
  ['a frozen object', Object.freeze({ status: 200 })],
  ['a frozen error', Object.freeze(new Error('declined'))],
  ['an error that asks for 200 [F14]', Object.assign(new Error('x'), { status: 200 })],
  ['an error that asks for 204 [F14]', Object.assign(new Error('x'), { statusCode: 204 })],
  ['an error that is called handled [F14]', Object.assign(new Error('x'), { outcome: 'handled' })],
  ['an error whose stack is a number', Object.assign(new Error('x'), { stack: 5 })],
  ['an error without a stack', Object.assign(new Error('x'), { stack: undefined })],
  ['an error whose name is a symbol', Object.assign(new Error('x'), { name: Symbol('x') })],
  ['an error whose every property throws', hostileError()],
  ['a proxy that throws at everything', hostileProxy()],
  ['a revoked proxy', revokedProxy()],
  ['a thenable that resolves', thenable((resolve) => resolve(undefined))],
  ['a promise that rejects', rejectedAndSeen()],
]

describe('a handler that fails', () => {
  it.each(THROWN)(
    'by throwing %s is answered 500, and runs again [F1] [F3] [S8]',
    async (_, thrown) => {
      await expectFailure(() => raise(thrown), thrown)
    },
  )

  it.each(THROWN)(
    'by rejecting with %s is answered 500, and runs again [F2] [F3] [S8]',
    async (_, thrown) => {
      await expectFailure(async () => {
        await Promise.resolve()
        raise(thrown)
      }, thrown)
    },
  )

  it.each<[string, () => unknown, string]>([
    [
      'a thenable that rejects',
      () => thenable((_, reject) => reject(new Error('declined'))),
      'declined',
    ],
    [
      'a thenable that rejects, then resolves',
      () =>
        thenable((resolve, reject) => {
          reject(new Error('declined'))
          resolve(undefined)
        }),
      'declined',
    ],
    ['a thenable that throws', () => thenable(() => raise(new Error('declined'))), 'declined'],
    [
      'an object whose `then` cannot be read',
      () => Object.defineProperty({}, 'then', { get: () => raise(new Error('no then')) }),
      'no then',
    ],
    [
      'a promise of a promise that rejects',
      () => Promise.resolve(1).then(() => Promise.reject(new Error('declined'))),
      'declined',
    ],
    ['a proxy that throws at everything', hostileProxy, 'hostile'],
  ])('by returning %s is answered 500 [F9]', async (_, give, message) => {
    const opened = openReceiver()
    opened.webhooks.on('red_envelope.sent', () => give() as Promise<void>)
    expect(await opened.deliver(envelopeSent())).toMatchObject({ outcome: 'failed', status: 500 })
    expect(opened.reports).toMatchObject([
      { code: 'handler-failed', error: { cause: { message } } },
    ])
    expect(opened.applied).toEqual([])
  })

  it('ends the execution: later handlers do not run, and all run again next time [F11]', async () => {
    const opened = openReceiver()
    const ran: string[] = []
    let isBroken = true
    opened.webhooks
      .on('red_envelope.sent', () => void ran.push('first'))
      .on('red_envelope.sent', () => {
        ran.push('second')
        if (isBroken) throw new Error('declined')
      })
      .on('*', () => void ran.push('third'))
    expect((await opened.deliver(envelopeSent())).outcome).toBe('failed')
    expect(ran).toEqual(['first', 'second'])
    isBroken = false
    expect((await opened.deliver(envelopeSent())).outcome).toBe('handled')
    expect(ran).toEqual(['first', 'second', 'first', 'second', 'third'])
    expect(opened.applied).toEqual([ENVELOPE_KEY])
  })

  it('changes nothing for other events', async () => {
    const opened = openReceiver()
    opened.webhooks.on('red_envelope.sent', () => raise(undefined))
    opened.webhooks.on('charge.succeeded', (event) => void opened.seen.push(event))
    const replies = await Promise.all([
      opened.deliver(envelopeSent()),
      opened.deliver(chargeSucceeded()),
    ])
    expect(replies.map((reply) => reply.outcome)).toEqual(['failed', 'handled'])
  })
})

describe('a handler that returns', () => {
  it.each<[string, () => unknown]>([
    ['nothing', () => undefined],
    ['null', () => null],
    ['false', () => false],
    ['a number', () => 500],
    ['an error, not thrown', () => new Error('not thrown')],
    ['a thenable that resolves', () => thenable((resolve) => resolve(undefined))],
    [
      'a thenable that resolves, then rejects',
      () =>
        thenable((resolve, reject) => {
          resolve(undefined)
          reject(new Error('too late'))
        }),
    ],
    [
      'a thenable that resolves, then throws',
      () =>
        thenable((resolve) => {
          resolve(undefined)
          raise(new Error('too late'))
        }),
    ],
    ['an object whose `then` is no function', () => ({ then: 5 })],
    ['a promise of a promise', () => Promise.resolve(Promise.resolve(1))],
  ])('%s succeeds [F9]', async (_, give) => {
    const opened = openReceiver()
    opened.webhooks.on('red_envelope.sent', () => give() as Promise<void>)
    expect(await opened.deliver(envelopeSent())).toMatchObject({ outcome: 'handled', status: 200 })
    expect(opened.applied).toEqual([ENVELOPE_KEY])
  })
})

describe('handlers of one event', () => {
  it('run in the order in which they were added, those of * among them', async () => {
    const opened = openReceiver()
    const ran: string[] = []
    opened.webhooks
      .on('*', () => void ran.push('1: all'))
      .on('red_envelope.sent', () => void ran.push('2: sent'))
      .on('charge.succeeded', () => void ran.push('charge'))
      .on('*', () => void ran.push('3: all'))
      .on('red_envelope.sent', () => void ran.push('4: sent'))
    await opened.deliver(envelopeSent())
    expect(ran).toEqual(['1: all', '2: sent', '3: all', '4: sent'])
  })

  it('run one after another, each after the previous one has settled', async () => {
    const opened = openReceiver()
    const ran: string[] = []
    const slowly =
      (name: string): WebhookHandler =>
      async () => {
        ran.push(`${name} begins`)
        for (let turn = 0; turn < 5; turn += 1) await Promise.resolve()
        ran.push(`${name} ends`)
      }
    opened.webhooks.on('red_envelope.sent', slowly('first')).on('*', slowly('second'))
    await opened.deliver(envelopeSent())
    expect(ran).toEqual(['first begins', 'first ends', 'second begins', 'second ends'])
  })

  it('keep their order if one function is added for several types', async () => {
    const opened = openReceiver()
    const ran: string[] = []
    const shared: WebhookHandler = () => void ran.push('shared')
    opened.webhooks
      .on('charge.succeeded', shared)
      .on('red_envelope.sent', () => void ran.push('sent'))
      .on('red_envelope.sent', shared)
      .on('*', () => void ran.push('all'))
    await opened.deliver(envelopeSent())
    expect(ran).toEqual(['sent', 'shared', 'all'])
  })

  it('move to the end when they are removed and added again', async () => {
    const opened = openReceiver()
    const ran: string[] = []
    const moved: WebhookHandler = () => void ran.push('moved')
    opened.webhooks.on('red_envelope.sent', moved).on('*', () => void ran.push('all'))
    opened.webhooks.off('red_envelope.sent', moved).on('red_envelope.sent', moved)
    await opened.deliver(envelopeSent())
    expect(ran).toEqual(['all', 'moved'])
  })

  it('run as often as they were added', async () => {
    const opened = openReceiver()
    const ran: string[] = []
    const twice: WebhookHandler = () => void ran.push('twice')
    opened.webhooks.on('red_envelope.sent', twice).on('red_envelope.sent', twice)
    await opened.deliver(envelopeSent())
    expect(ran).toEqual(['twice', 'twice'])
  })

  it('may be more than the number from which Node warns of a leak', async () => {
    const opened = openReceiver()
    let ran = 0
    for (let count = 0; count < 100; count += 1) opened.webhooks.on('*', () => void (ran += 1))
    await opened.deliver(envelopeSent())
    expect(ran).toBe(100)
  })

  it('are those registered when the event arrived: changes apply to the next event', async () => {
    const opened = openReceiver()
    const ran: string[] = []
    const second: WebhookHandler = () => void ran.push('second')
    const added: WebhookHandler = () => void ran.push('added')
    opened.webhooks.on('*', () => {
      ran.push('first')
      opened.webhooks.off('*', second).on('*', added)
    })
    opened.webhooks.on('*', second)
    await opened.deliver(envelopeSent())
    expect(ran).toEqual(['first', 'second'])
    await opened.deliver(chargeSucceeded())
    expect(ran).toEqual(['first', 'second', 'first', 'added'])
  })
})

describe('off', () => {
  it('removes a handler only from the given type', async () => {
    const opened = openReceiver()
    const handler: WebhookHandler = () => void opened.seen.push(asEvent({}))
    opened.webhooks
      .on('red_envelope.sent', handler)
      .on('charge.succeeded', handler)
      .on('*', handler)
    opened.webhooks.off('red_envelope.sent', handler).off('*', handler)
    expect((await opened.deliver(envelopeSent())).outcome).toBe('unhandled')
    expect((await opened.deliver(chargeSucceeded())).outcome).toBe('handled')
    expect(opened.seen).toHaveLength(1)
  })

  it('does nothing if the handler was not added', async () => {
    const opened = openReceiver()
    let ran = 0
    opened.webhooks.on('*', () => void (ran += 1))
    opened.webhooks.off('*', () => {}).off('red_envelope.sent', () => {})
    await opened.deliver(envelopeSent())
    expect(ran).toBe(1)
  })
})

describe('on', () => {
  it('returns the receiver, as does `off`', () => {
    const { webhooks } = openReceiver()
    expect(webhooks.on('*', () => {})).toBe(webhooks)
    expect(webhooks.on(['charge.succeeded'], () => {})).toBe(webhooks)
    expect(webhooks.on({ 'charge.succeeded': () => {} })).toBe(webhooks)
    expect(webhooks.off('*', () => {})).toBe(webhooks)
  })

  it('adds one handler for every type of a list, and `off` removes it from one', async () => {
    const opened = openReceiver()
    const ran: string[] = []
    const onBoth: WebhookHandler = ({ type }) => void ran.push(type)
    opened.webhooks.on(['red_envelope.sent', 'charge.succeeded'], onBoth)
    await opened.deliver(envelopeSent())
    await opened.deliver(chargeSucceeded())
    expect(ran).toEqual(['red_envelope.sent', 'charge.succeeded'])
    opened.webhooks.off('red_envelope.sent', onBoth)
    expect((await opened.deliver(envelopeSent({ id: 'red_other' }))).outcome).toBe('unhandled')
  })

  it.each<[string, readonly ('red_envelope.sent' | 'charge.succeeded' | '*')[]]>([
    ['a type twice', ['red_envelope.sent', 'charge.succeeded', 'red_envelope.sent']],
    ['a type and *', ['red_envelope.sent', '*']],
    ['* and a type', ['*', 'charge.succeeded', 'red_envelope.sent']],
  ])('runs a handler once that is added for a list with %s [F37]', async (_, types) => {
    const opened = openReceiver()
    const paid = vi.fn<() => void>()
    opened.webhooks.on(types, paid)
    await opened.deliver(envelopeSent())
    expect(paid).toHaveBeenCalledOnce()
    opened.webhooks.off('red_envelope.sent', paid).off('*', paid)
    expect(await opened.deliver(envelopeSent({ id: 'red_other' }))).toMatchObject({
      outcome: 'unhandled',
    })
  })

  it('runs a function once that a map has for a type and for * [F37]', async () => {
    const opened = openReceiver()
    const paid = vi.fn<() => void>()
    opened.webhooks.on({ 'red_envelope.sent': paid, '*': paid })
    await opened.deliver(envelopeSent())
    await opened.deliver(chargeSucceeded())
    expect(paid).toHaveBeenCalledTimes(2)
  })

  it('adds the handlers of a map, in order with the others', async () => {
    const opened = openReceiver()
    const ran: string[] = []
    opened.webhooks
      .on('*', () => void ran.push('1: all'))
      .on({
        'red_envelope.sent': () => void ran.push('2: sent'),
        'charge.succeeded': () => void ran.push('charge'),
        '*': () => void ran.push('3: all of the map'),
      })
      .on('red_envelope.sent', () => void ran.push('4: sent'))
    await opened.deliver(envelopeSent())
    expect(ran).toEqual(['1: all', '2: sent', '3: all of the map', '4: sent'])
  })

  it('takes a map of handlers as an option of createWebhooks', async () => {
    const ran: string[] = []
    const opened = openReceiver({
      on: { 'red_envelope.sent': (event) => void ran.push(event.data.object.id) },
    })
    opened.webhooks.on('red_envelope.sent', () => void ran.push('later'))
    await opened.deliver(envelopeSent())
    expect(ran).toEqual(['red_04er10TuvT4OCyLO08aLOqbD', 'later'])
  })

  it.each<[string, unknown, RegExp]>([
    ['an empty list', [], /was given no handler/],
    ['an empty map', {}, /was given no handler/],
    ['a promise of a map', Promise.resolve({}), /was given no handler/],
    ['a map with an undefined handler', { 'charge.succeeded': undefined }, /a function/],
  ])('refuses %s for a map or a list', (_, given, message) => {
    const { webhooks } = openReceiver()
    const handlers = given as Record<'charge.succeeded', () => void>
    expect(() => webhooks.on(handlers)).toThrow(message)
    expect(() => openReceiver({ on: handlers })).toThrow(message)
  })

  it('refuses null, as an argument and as an option', () => {
    const { webhooks } = openReceiver()
    expect(() => webhooks.on(null as never)).toThrow(/name of an event type/)
    expect(() => openReceiver({ on: null as never })).toThrow(/`on` is given, but null\./)
  })

  it('refuses the option `on` that is given but undefined', () => {
    const on = undefined as unknown as Record<'charge.succeeded', () => void>
    expect(() => openReceiver({ on })).toThrow(/`on` is given, but undefined/)
  })

  it('adds nothing of a list or a map with a mistake', async () => {
    const opened = openReceiver()
    const misspelt = ['red_envelope.sent', 5] as unknown as ['red_envelope.sent']
    expect(() => opened.webhooks.on(misspelt, () => {})).toThrow(OptionError)
    expect((await opened.deliver(envelopeSent())).outcome).toBe('unhandled')
  })

  it.each<[string, unknown, unknown, RegExp]>([
    ['an empty type', '', () => {}, /`on` expects the name of an event type/],
    ['a type that is a number', 5, () => {}, /`on` expects the name of an event type/],
    ['no type', undefined, () => {}, /`on` expects the name of an event type/],
    ['no handler', '*', undefined, /`on\('\*', …\)` expects a function/],
    [
      'a promise for a handler',
      'charge.succeeded',
      Promise.resolve(),
      /charge\.succeeded.*a function/,
    ],
  ])('refuses %s', (_, type, handler, message) => {
    const { webhooks } = openReceiver()
    expect(() => webhooks.on(type as '*', handler as () => void)).toThrow(
      expect.objectContaining({
        name: 'OptionError',
        code: 'option-invalid',
        message: expect.stringMatching(message) as string,
      }),
    )
    expect(() => webhooks.on(type as '*', handler as () => void)).toThrow(OptionError)
  })

  it.each(['newListener', 'removeListener'])(
    'refuses %s, which Node emits for an emitter’s own listeners [S7]',
    (name) => {
      const { webhooks } = openReceiver()
      expect(() => webhooks.on(unlisted(name), () => {})).toThrow(/name of an event type/)
    },
  )
})

describe('the arguments of a handler', () => {
  it('are the event and its context, without request and response [F7] [F8]', async () => {
    const opened = openReceiver()
    const calls: unknown[][] = []
    opened.webhooks.on('*', (...given) => void calls.push(given))
    const content = envelopeSent()
    await opened.deliver(content)
    expect(calls).toHaveLength(1)
    const [event, context] = calls[0] as [unknown, object]
    expect(calls[0]).toHaveLength(2)
    expect(event).toStrictEqual(content)
    expect(new Set(Object.keys(context))).toEqual(
      new Set(['key', 'signal', 'receivedAt', 'rawBody', 'source', 'keyFingerprint']),
    )
  })

  it('include a context that can be spread and passed on', async () => {
    const opened = openReceiver()
    const passedOn: object[] = []
    opened.webhooks.on('*', (_, context) => void passedOn.push({ ...context }))
    await opened.deliver(envelopeSent())
    expect(passedOn).toMatchObject([{ source: 'webhook', signal: { aborted: false } }])
  })

  it('come without a `this`, so a method must be bound', async () => {
    const opened = openReceiver()
    const held: unknown[] = []
    opened.webhooks.on('*', function handler(this: unknown) {
      held.push(this)
    })
    await opened.deliver(envelopeSent())
    expect(held).toEqual([undefined])
  })

  it('include the signed bytes', async () => {
    const opened = openReceiver()
    const bodies: (Uint8Array | undefined)[] = []
    opened.webhooks.on('*', (_, { rawBody }) => void bodies.push(rawBody))
    const text = `\uFEFF${JSON.stringify(envelopeSent())} \n`
    await opened.deliver(text)
    expect(bodies.map((body) => Buffer.from(body ?? []).toString())).toEqual([text])
  })

  it('never derive from raw bytes that an earlier handler changed [F10]', async () => {
    const opened = openReceiver()
    opened.webhooks.on('*', (_, { rawBody }) => void rawBody?.fill(0x20))
    opened.webhooks.on('*', (event) => void opened.seen.push(event))
    const delivery = deliveryOf(envelopeSent())
    expect((await opened.webhooks.handle(delivery)).outcome).toBe('handled')
    expect(opened.seen).toStrictEqual([envelopeSent()])
  })
})

async function expectFailure(handler: () => void | Promise<void>, thrown: unknown): Promise<void> {
  const opened = openReceiver()
  let runs = 0
  opened.webhooks.on('red_envelope.sent', () => {
    runs += 1
    return handler()
  })
  for (const run of [1, 2]) {
    const reply = await opened.deliver(envelopeSent())
    expect(reply).toMatchObject({
      outcome: 'failed',
      status: 500,
      body: '{"outcome":"failed","code":"handler-failed"}',
    })
    expect(runs).toBe(run)
    expect(opened.reports).toHaveLength(run)
    expect(opened.lines).toHaveLength(run)
  }
  const [report] = opened.reports
  const error = errorOf(report)
  expect(error?.code).toBe('handler-failed')
  // Compared by hand: to print a hostile proxy would throw.
  expect(error !== undefined && 'cause' in error).toBe(true)
  expect(Object.is(error?.cause, thrown)).toBe(true)
  expect(opened.admitted).toEqual([ENVELOPE_KEY, ENVELOPE_KEY])
  expect(opened.applied).toEqual([])
  for (const line of opened.lines) {
    expect(line).toContain('handler-failed')
    expect(line).not.toMatch(/declined|card 6222/)
  }
}

function raise(thrown: unknown): never {
  throw thrown
}

/** What `await` takes for a promise. */
function thenable(
  then: (resolve: (value: unknown) => void, reject: (reason: unknown) => void) => void,
): object {
  return Object.defineProperty({}, 'then', { value: then })
}

function hostileProxy(): object {
  const traps = Object.getOwnPropertyNames(Reflect).map((trap) => [trap, refuse])
  return new Proxy({}, Object.fromEntries(traps) as ProxyHandler<object>)
}

function refuse(): never {
  throw new Error('hostile')
}

function revokedProxy(): object {
  const { proxy, revoke } = Proxy.revocable({}, {})
  revoke()
  return proxy
}

function hostileError(): Error {
  const error = new Error('hostile')
  for (const name of ['name', 'message', 'stack', 'code', 'cause', 'status']) {
    Object.defineProperty(error, name, { get: refuse })
  }
  return error
}

function rejectedAndSeen(): Promise<never> {
  const promise = Promise.reject(new Error('declined'))
  promise.catch(() => {})
  return promise
}
