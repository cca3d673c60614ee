import { describe, expect, it } from 'vitest'
import { createClock } from '../src/clock/timer-clock.ts'
import type { Engine } from '../src/engine/engine.ts'
import { functionApp, httpApp, isGenuine, openEngine, START_MS, startsOf } from './open-engine.ts'

// The guide's note 5, written out: when the eleven posts are due, in seconds after the first.
const POSTS_AT_S = [0, 5, 15, 135, 435, 1035, 2835, 6435, 13_635, 35_235, 89_235]
const POSTS_AT_MS = POSTS_AT_S.map((seconds) => seconds * 1000)
const DAY_AND_HOUR_MS = 25 * 60 * 60 * 1000

describe('the schedule', () => {
  it('sends at once, and after a 2xx never again', async () => {
    const app = functionApp()
    const engine = openEngine({ target: app.target })
    const event = engine.trigger('red_envelope.sent')
    expect(event).toMatchObject({ status: 'pending', attempts: [], nextAttemptMs: START_MS })
    expect(app.seen).toHaveLength(0)
    await engine.clock.settled()
    expect(app.seen).toEqual([
      {
        body: event.bytes,
        isWhole: true,
        signature: event.signature,
        contentType: 'application/json;charset=UTF-8',
      },
    ])
    await engine.clock.advance(DAY_AND_HOUR_MS)
    expect(app.seen).toHaveLength(1)
    expect(engine.event(event.id)).toMatchObject({
      status: 'delivered',
      nextAttemptMs: undefined,
      attempts: [
        {
          n: 1,
          kind: 'scheduled',
          startedMs: START_MS,
          ok: true,
          error: undefined,
          errorCode: undefined,
          faults: [],
          response: { status: 200, body: Buffer.from('{"outcome":"handled"}'), truncated: false },
        },
      ],
    })
  })

  it('sends eleven times in 24 h 47 min where no 2xx comes, the same bytes each time [E27, E34]', async () => {
    const app = functionApp(500)
    const engine = openEngine({ target: app.target })
    const { id, bytes, signature } = engine.trigger('red_envelope.sent')
    await engine.clock.advance(DAY_AND_HOUR_MS)
    expect(startsOf(engine, id)).toEqual(POSTS_AT_MS)
    expect(app.seen).toHaveLength(11)
    for (const seen of app.seen) {
      expect(seen.body.equals(bytes)).toBe(true)
      expect(seen.signature).toBe(signature)
      expect(isGenuine(seen)).toBe(true)
    }
    expect(engine.event(id)).toMatchObject({ status: 'exhausted', nextAttemptMs: undefined })
  })

  it('is pending until the last attempt, and says when the next one is', async () => {
    const engine = openEngine({ target: functionApp(500).target })
    const { id } = engine.trigger('charge.succeeded')
    await engine.clock.settled()
    for (const due of POSTS_AT_MS.slice(1)) {
      expect(engine.event(id)).toMatchObject({ status: 'pending', nextAttemptMs: START_MS + due })
      await engine.clock.next()
    }
    expect(engine.event(id)?.status).toBe('exhausted')
  })

  it.each([201, 204, 299])('takes %d for received', async (status) => {
    const engine = openEngine({ target: () => new Response(null, { status }) })
    const { id } = engine.trigger('red_envelope.sent')
    await engine.clock.drain()
    expect(engine.event(id)).toMatchObject({ status: 'delivered', attempts: [{ ok: true }] })
  })

  it.each([199, 304, 400, 401, 404, 500, 503])('takes %d for a failure', async (status) => {
    const app = await httpApp(status === 199 ? 300 : status, 200)
    const engine = openEngine({ target: app.target })
    const { id } = engine.trigger('red_envelope.sent')
    await engine.clock.advance(5000)
    expect(engine.event(id)?.attempts.map(({ ok }) => ok)).toEqual([false, true])
    await app.close()
  })

  it('never begins an attempt before the one before has ended', async () => {
    const wall = { ms: 0 }
    const clock = createClock({ speed: 1, startMs: START_MS, wallNow: () => wall.ms })
    const answers: ((response: Response) => void)[] = []
    const engine = openEngine({
      clock,
      target: () => new Promise((resolve) => answers.push(resolve)),
    })
    const { id } = engine.trigger('red_envelope.sent')
    await turn()
    // The answer takes longer than the gap of 5 s.
    wall.ms += 7000
    answers[0]?.(new Response(null, { status: 500 }))
    await turn()
    await turn()
    expect(startsOf(engine, id)).toEqual([0])
    expect(answers).toHaveLength(2)
    answers[1]?.(new Response())
    await clock.settled()
    expect(startsOf(engine, id)).toEqual([0, 7000])
    await engine.close()
  })

  it('does not send what another event shares: each goes its own way', async () => {
    const engine = openEngine({
      target: async (request) => {
        const { type } = (await request.json()) as { type: string }
        return new Response(null, { status: type === 'charge.succeeded' ? 500 : 200 })
      },
    })
    engine.trigger('charge.succeeded')
    engine.trigger('red_envelope.sent')
    await engine.clock.drain()
    expect(engine.events().map(({ status, attempts }) => [status, attempts.length])).toEqual([
      ['exhausted', 11],
      ['delivered', 1],
    ])
  })

  it('delivers one after another on a virtual clock, in due order', async () => {
    const running = { now: 0, most: 0 }
    const seen: string[] = []
    const engine = openEngine({
      async target(request) {
        running.now += 1
        running.most = Math.max(running.most, running.now)
        seen.push(((await request.json()) as { id: string }).id)
        running.now -= 1
        return new Response()
      },
    })
    const ids = Array.from({ length: 20 }, () => engine.trigger('red_envelope.sent').id)
    await engine.clock.settled()
    expect(seen).toEqual(ids)
    expect(running.most).toBe(1)
  })

  it('delivers different events at a time in real time', async () => {
    const together = Promise.withResolvers<void>()
    let waiting = 0
    const engine = openEngine({
      clock: createClock({ speed: 1 }),
      async target() {
        waiting += 1
        if (waiting === 3) together.resolve()
        await together.promise
        return new Response()
      },
    })
    for (let each = 0; each < 3; each += 1) engine.trigger('red_envelope.sent')
    await engine.clock.settled()
    expect(engine.events().map(({ status }) => status)).toEqual(Array(3).fill('delivered'))
    await engine.close()
  })

  it('runs by itself on an accelerated clock', async () => {
    const app = functionApp(500)
    // 25 hours in a tenth of a second.
    const engine = openEngine({ clock: createClock({ speed: 900_000 }), target: app.target })
    const exhausted = Promise.withResolvers<void>()
    engine.journal.listen(({ type }) => type === 'event.exhausted' && exhausted.resolve())
    engine.trigger('red_envelope.sent')
    await exhausted.promise
    expect(app.seen).toHaveLength(11)
    await engine.close()
  })
})

describe('an event that is shown', () => {
  it('stays as it is; the present one is another value', async () => {
    const engine = openEngine({ target: functionApp(500, 200).target })
    const first = engine.trigger('red_envelope.sent')
    await engine.clock.settled()
    const second = engine.event(first.id)
    await engine.clock.next()
    expect(first).toMatchObject({ status: 'pending', attempts: [] })
    expect(second).toMatchObject({ status: 'pending', attempts: [{ n: 1 }] })
    expect(engine.event(first.id)).toMatchObject({ status: 'delivered' })
    expect(engine.events()).toEqual([engine.event(first.id)])
  })

  it('lends bytes that can be altered without harm', async () => {
    const app = functionApp(500, 200)
    const engine = openEngine({ target: app.target })
    const event = engine.trigger('red_envelope.sent')
    event.bytes.fill(0)
    await engine.clock.drain()
    expect(app.seen.map(isGenuine)).toEqual([true, true])
  })

  it('does not let an app in this process alter what the next attempt sends', async () => {
    const genuine: boolean[] = []
    const engine = openEngine({
      async target(request) {
        const body = Buffer.from(await request.arrayBuffer())
        const signature = request.headers.get('x-pingplusplus-signature') ?? ''
        genuine.push(isGenuine({ body, signature }))
        body.fill(0)
        return new Response(null, { status: 500 })
      },
    })
    engine.trigger('red_envelope.sent')
    await engine.clock.advance(15_000)
    expect(genuine).toEqual([true, true, true])
  })
})

describe('a target that is not there', () => {
  it('leaves events undelivered, until they are sent again once there is one', async () => {
    const app = functionApp(500)
    const engine = openEngine()
    const { id, status } = engine.trigger('red_envelope.sent')
    expect(status).toBe('undelivered')
    expect(() => engine.resend(id)).toThrow(expect.objectContaining({ code: 'target-invalid' }))
    await engine.clock.advance(60_000)
    engine.setTarget(app.target)
    await engine.clock.drain()
    expect(app.seen).toHaveLength(0)
    const resentMs = engine.clock.now()
    engine.resend(id)
    await engine.clock.drain()
    const attempts = engine.event(id)?.attempts ?? []
    expect(attempts.map(({ startedMs }) => startedMs - resentMs)).toEqual(POSTS_AT_MS)
    expect(engine.event(id)?.status).toBe('exhausted')
  })

  it('stops a schedule that had begun', async () => {
    const app = functionApp(500)
    const engine = openEngine({ target: app.target })
    const { id } = engine.trigger('red_envelope.sent')
    await engine.clock.advance(5000)
    engine.setTarget(undefined)
    await engine.clock.drain()
    expect(engine.event(id)).toMatchObject({ status: 'undelivered', nextAttemptMs: undefined })
    expect(startsOf(engine, id)).toEqual([0, 5000])
    // It goes on from where it was: nine attempts are left.
    engine.setTarget(app.target)
    engine.resend(id)
    await engine.clock.drain()
    expect(engine.event(id)?.attempts.map(({ n }) => n)).toEqual([
      1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11,
    ])
  })

  it('is named', () => {
    const engine = openEngine()
    expect(engine.target).toBeNull()
    engine.setTarget('http://localhost:3000/webhooks?a=1')
    expect(engine.target).toBe('http://localhost:3000/webhooks?a=1')
    engine.setTarget(() => new Response())
    expect(engine.target).toBe('in-process')
  })
})

describe('sending again by hand', () => {
  it('sends the same bytes, outside the schedule', async () => {
    const app = functionApp(500)
    const engine = openEngine({ target: app.target })
    const { id } = engine.trigger('red_envelope.sent')
    await engine.clock.advance(1000)
    engine.resend(id)
    await engine.clock.settled()
    expect(engine.event(id)?.attempts.map(({ n, kind }) => [n, kind])).toEqual([
      [1, 'scheduled'],
      [1, 'manual'],
    ])
    await engine.clock.drain()
    expect(startsOf(engine, id)).toEqual([0, 1000, ...POSTS_AT_MS.slice(1)])
    expect(new Set(app.seen.map(({ body }) => body.toString())).size).toBe(1)
  })

  it('ends the schedule with a 2xx', async () => {
    const engine = openEngine({ target: functionApp(500, 500, 200).target })
    const { id } = engine.trigger('red_envelope.sent')
    await engine.clock.advance(5000)
    engine.resend(id)
    await engine.clock.settled()
    expect(engine.event(id)).toMatchObject({ status: 'delivered', nextAttemptMs: undefined })
    await engine.clock.drain()
    expect(engine.event(id)?.attempts).toHaveLength(3)
  })

  it('delivers what was exhausted, and can repeat what was delivered', async () => {
    const app = functionApp(500)
    const engine = openEngine({ target: app.target })
    const { id } = engine.trigger('red_envelope.sent')
    await engine.clock.drain()
    app.statuses = [200, 500]
    engine.resend(id)
    await engine.clock.settled()
    expect(engine.event(id)).toMatchObject({ status: 'delivered' })
    engine.resend(id)
    await engine.clock.drain()
    expect(engine.event(id)).toMatchObject({ status: 'delivered' })
    expect(app.seen).toHaveLength(13)
  })

  it('needs an event that there is', () => {
    expect(() => openEngine().resend('evt_none')).toThrow(
      expect.objectContaining({ code: 'event-unknown' }),
    )
  })
})

describe('what the journal tells', () => {
  it('goes from the event over its attempts to the end', async () => {
    const engine = openEngine({ target: functionApp(500, 200).target })
    const { id, envelope } = engine.trigger('red_envelope.sent', { object: { order_no: '7' } })
    await engine.clock.drain()
    const eventType = 'red_envelope.sent'
    const body = '{"outcome":"handled"}'
    const told = engine.journal.since(0).filter((record) => 'event' in record)
    expect(told).toMatchObject([
      { type: 'event.created', event: id, eventType, envelope, orderNo: '7' },
      { type: 'attempt.started', event: id, eventType, n: 1, of: 11, kind: 'scheduled' },
      { type: 'attempt.finished', event: id, n: 1, of: 11, ok: false, status: 500, body },
      { type: 'retry.scheduled', event: id, n: 2, dueAt: '2024-02-10T00:00:05.000Z' },
      { type: 'attempt.started', event: id, n: 2, clock: '2024-02-10T00:00:05.000Z' },
      { type: 'attempt.finished', event: id, n: 2, ok: true, status: 200 },
      { type: 'event.delivered', event: id, eventType, attempts: 2 },
    ])
  })

  it('shows an event in the state that a record tells of, to whoever asks at once', async () => {
    const engine = openEngine({ target: functionApp(500, 200).target })
    const states: unknown[] = []
    engine.journal.listen((record) => {
      if (record.type !== 'attempt.finished' && record.type !== 'event.delivered') return
      const { status, attempts } = engine.event(record.event) ?? {}
      states.push([record.type, status, attempts?.length])
    })
    engine.trigger('red_envelope.sent')
    await engine.clock.drain()
    expect(states).toEqual([
      ['attempt.finished', 'pending', 1],
      ['attempt.finished', 'pending', 2],
      ['event.delivered', 'delivered', 2],
    ])
  })

  it('has the end of the schedule, and at most 1,000 characters of an answer', async () => {
    const engine = openEngine({
      target: () => new Response('错'.repeat(3000), { status: 500 }),
    })
    const { id } = engine.trigger('red_envelope.sent')
    await engine.clock.drain()
    const records = engine.journal.since(0)
    expect(records.findLast(({ type }) => type === 'event.exhausted')).toMatchObject({
      event: id,
      attempts: 11,
    })
    expect(records.find((record) => record.type === 'attempt.finished')?.body).toBe(
      '错'.repeat(1000),
    )
  })
})

describe('reset and close', () => {
  it('forget everything, give up what is on its way, and set the clock back', async () => {
    const engine = await openBusy()
    await engine.reset()
    expect(engine.events()).toEqual([])
    expect(engine.envelopes.list({ limit: 10 })?.data).toEqual([])
    expect(engine.faults.list()).toEqual([])
    expect(engine.clock.pending()).toEqual([])
    expect(engine.clock.now()).toBe(START_MS)
    expect(engine.journal.since(0).map(({ type }) => type)).toEqual(['reset'])
    await engine.clock.drain()
    expect(engine.journal.since(0)).toHaveLength(1)
  })

  it('gives up copies that have not been sent yet', async () => {
    let posts = 0
    const engine = openEngine({
      target() {
        posts += 1
        return new Promise(() => {})
      },
    })
    engine.faults.add('duplicate', { copies: 3 })
    engine.trigger('red_envelope.sent')
    await turn()
    await engine.reset()
    await turn()
    expect(posts).toBe(1)
    expect(engine.journal.since(0)).toHaveLength(1)
  })

  it('leave no trace where a listener resets in the middle of things', async () => {
    const engine = openEngine({ target: functionApp(500).target })
    engine.faults.add('duplicate')
    engine.journal.listen(({ type }) => {
      if (type === 'attempt.finished') void engine.reset()
    })
    engine.trigger('charge.succeeded')
    await engine.clock.drain()
    await turn()
    expect(engine.journal.since(0).map(({ type }) => type)).toEqual(['reset'])
    expect(engine.clock.pending()).toEqual([])
  })

  it('works on after a reset', async () => {
    const engine = await openBusy()
    await engine.reset()
    engine.setTarget(functionApp().target)
    const { id } = engine.trigger('red_envelope.sent')
    await engine.clock.settled()
    expect(engine.event(id)?.status).toBe('delivered')
  })

  it('refuses everything once it is closed', async () => {
    const engine = await openBusy()
    await engine.close()
    await engine.close()
    const closed = expect.objectContaining({ code: 'closed' })
    expect(() => engine.trigger('red_envelope.sent')).toThrow(closed)
    expect(() => engine.resend('evt_1')).toThrow(closed)
    expect(() => engine.move('1', 'sent')).toThrow(closed)
    expect(() => engine.setTarget(undefined)).toThrow(closed)
    expect(engine.clock.pending()).toEqual([])
  })

  /** One event that waits for its retry, one that is on its way, an envelope that will be refunded, a fault. */
  async function openBusy(): Promise<Engine> {
    const engine = openEngine({ target: functionApp(500).target })
    engine.trigger('red_envelope.sent')
    await engine.clock.advance(60_000)
    engine.setTarget(() => new Promise(() => {}))
    engine.trigger('red_envelope.received')
    engine.faults.add('timeout', { times: 5, attempt: 2 })
    await turn()
    return engine
  }
})

/** Lets everything happen that needs no more time than a turn of the event loop. */
function turn(): Promise<void> {
  return new Promise((resolve) => void setImmediate(resolve))
}
