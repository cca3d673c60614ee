import { OptionError, type EventType, type WebhookEvent } from '@hongbao/core'
import { CATALOGUE } from '@hongbao/core/internal'
import { eventFixture, signDelivery } from '@hongbao/core/testing'
import type { DeadLetter } from '@hongbao/hand-off'
import { describe, expect, it, vi } from 'vitest'
import { describeClosing } from './hand-off-close.ts'
import type { HandOffHost, TestWorkOptions } from './hand-off-host.ts'
import {
  deadIds,
  deliver,
  eventsOf,
  eventually,
  idsOf,
  keys,
  post,
  statesOf,
  useStage,
} from './hand-off-stage.ts'
import { describeWorking } from './hand-off-worker.ts'

/** What every queue promises: an event is stored before it is answered, applied once, and reported if it fails. */
export function describeHandOff(host: HandOffHost): void {
  describe.skipIf(!host.isHere)(`a hand-off with ${host.name}`, { timeout: 60_000 }, () => {
    const stage = useStage(host)

    it('stores the bytes that Ping++ signed, and a worker applies them as they were delivered', async () => {
      const { send, work, client } = await stage.open()
      const event = eventFixture('red_envelope.sent')
      const signed = signDelivery(event, keys)
      const before = Date.now()
      await deliver(send, event)
      const [job] = await client.jobs()
      const signature = signed.init().headers['x-pingplusplus-signature']
      expect(job?.data).toMatchObject({ version: 1, id: event.id, source: 'webhook', signature })
      const seen: unknown[] = []
      const receiver = stage.receiver()
      await work(receiver.on('*', (applied, context) => void seen.push({ applied, ...context })))
      await eventually(() => expect(seen).toHaveLength(1))
      expect(seen).toMatchObject([
        {
          applied: event,
          rawBody: signed.bytes,
          source: 'webhook',
          receivedAt: expect.toSatisfy((time: Date) => time.getTime() >= before),
          keyFingerprint: expect.stringMatching(/^[0-9a-f]{64}$/),
        },
      ])
    })

    it('stores one job of an event, for any number of simultaneous deliveries [E35]', async () => {
      const { send, client } = await stage.open()
      const other = await stage.join(client)
      const event = eventFixture('red_envelope.received')
      for (let round = 0; round < 10; round += 1) {
        await Promise.all([send, other.send, send].map((to) => deliver(to, event)))
      }
      expect(await client.jobs()).toMatchObject([{ state: 'waiting' }])
    })

    it('stores a job of every type of event', async () => {
      const { send, client } = await stage.open()
      const events = (Object.keys(CATALOGUE) as EventType[]).map(
        (type) => eventFixture(type) as WebhookEvent,
      )
      await Promise.all(events.map((event) => deliver(send, event)))
      const jobs = await client.jobs()
      const types = events.map(({ type }) => type)
      expect(jobs.map(({ data }) => data.type).toSorted()).toEqual(types.toSorted())
    })

    it('does not change the job of an applied event that is redelivered', async () => {
      const { send, work, client } = await stage.open()
      const event = eventFixture('red_envelope.sent')
      await deliver(send, event)
      await work(stage.receiver())
      await eventually(async () => expect(await statesOf(client)).toEqual(['done']))
      await deliver(send, event)
      expect(await statesOf(client)).toEqual(['done'])
    })

    it('has stored every job that it confirmed, whenever its process is killed [E22]', async () => {
      const { client, spawnProcess, work } = await stage.open()
      const receiver = spawnProcess('receive')
      const port = Number((await receiver.word(/^port:(\d+)$/))[1])
      const events = eventsOf(40)
      const answered: string[] = []
      // Eight at once, so that some are under way at the kill. A busy machine answers no 40 in time.
      for (let sent = 0; sent < events.length && answered.length < 10; sent += 8) {
        await Promise.all(
          events.slice(sent, sent + 8).map(async (event) => {
            if ((await post(port, event)) !== 200) return
            answered.push(String(event.id))
            if (answered.length === 10) await receiver.kill()
          }),
        )
      }
      expect(answered.length).toBeGreaterThanOrEqual(10)
      const stored = new Set((await client.jobs()).map(({ eventId }) => eventId))
      expect(answered.filter((id) => !stored.has(id))).toEqual([])
      await work(stage.applying())
      await eventually(async () => {
        expect(await stage.effectsOf(events)).toEqual([...stored].toSorted())
      })
    })

    it.each<[string, 'stop' | 'freeze']>([
      ['is down', 'stop'],
      ['does not answer', 'freeze'],
    ])(
      'answers 500 within 2 s while its broker %s, and loses nothing [E6, E35]',
      async (_, outage) => {
        const { send, work } = await stage.open()
        const events = eventsOf(5)
        await work(stage.applying())
        await stage.broker()[outage]()
        const during = await Promise.all(events.map(send))
        expect(during).toEqual(events.map(() => 500))
        await stage.restore()
        for (const event of events) await deliver(send, event)
        await eventually(async () => {
          expect(await stage.effectsOf(events)).toEqual(idsOf(events))
        })
      },
    )

    it('applies an event once, with any number of receivers and workers', async () => {
      const { send, work, client } = await stage.open()
      const others = await Promise.all([stage.join(client), stage.join(client)])
      const events = eventsOf(20)
      await Promise.all(
        [work, ...others.map((other) => other.work)].map((start) => start(stage.applying())),
      )
      const copies = [send, ...others.map((other) => other.send), send, others[0]?.send ?? send]
      // All copies of an event at once, but not all events: a busy machine would answer none in time.
      for (const event of events) await Promise.all(copies.map((to) => deliver(to, event)))
      await eventually(async () => {
        expect(await stage.effectsOf(events)).toEqual(idsOf(events))
        const states = (await client.jobs()).map(({ state }) => state)
        expect(states).toEqual(events.map(() => 'done'))
      })
    })

    it('applies an event once in one process with the memory inbox, too', async () => {
      const { send, work, client } = await stage.open()
      const event = eventFixture('red_envelope.sent')
      const seen: unknown[] = []
      const webhooks = stage.receiver().on('*', (applied) => void seen.push(applied.id))
      await webhooks.dispatch(event)
      await work(webhooks)
      await Promise.all([1, 2, 3].map(() => deliver(send, event)))
      await eventually(async () => expect(await client.jobs()).toMatchObject([{ state: 'done' }]))
      expect(seen).toEqual([event.id])
    })

    it('keeps a poison event as a dead letter, and applies it when it is redriven [E27]', async () => {
      const { send, work, client } = await stage.open({ attempts: 2 })
      const [poison, good] = eventsOf(2) as [WebhookEvent, WebhookEvent]
      let isBroken = true
      const webhooks = stage.applying()
      webhooks.on('*', (event) => {
        if (isBroken && event.id === poison.id) throw new Error('no such order')
      })
      await work(webhooks)
      await Promise.all([deliver(send, poison), deliver(send, good)])
      await eventually(async () => {
        await client.passTime()
        expect(await deadIds(client)).toEqual([poison.id])
      })
      expect(await stage.effectsOf([poison, good])).toEqual([good.id])
      isBroken = false
      expect(await client.redrive()).toBe(1)
      await eventually(async () => {
        expect(await stage.effectsOf([poison, good])).toEqual(idsOf([poison, good]))
      })
      expect(await deadIds(client)).toEqual([])
    })

    it('retries a dead letter with all its attempts when Ping++ sends it again [E74]', async () => {
      const { send, work, client } = await stage.open({ attempts: 2 })
      const event = eventFixture('red_envelope.received')
      let runs = 0
      const webhooks = stage.applying()
      webhooks.on('*', () => {
        runs += 1
        if (runs < 4) throw new Error('no such order')
      })
      await work(webhooks)
      await deliver(send, event)
      await eventually(async () => {
        await client.passTime()
        expect(await deadIds(client)).toEqual([event.id])
      })
      expect(runs).toBe(2)
      await deliver(send, event)
      await eventually(async () => {
        await client.passTime()
        expect(await stage.effectsOf([event])).toEqual([event.id])
      })
      expect(await deadIds(client)).toEqual([])
    })

    it('retries a dead letter once when it is delivered many times at once', async () => {
      const { send, work, client } = await stage.open({ attempts: 1 })
      const event = eventFixture('red_envelope.received')
      const worker = await work(stage.receiver().on('*', () => Promise.reject(new Error('down'))))
      await deliver(send, event)
      await eventually(async () => expect(await deadIds(client)).toEqual([event.id]))
      await worker.close()
      const other = await stage.join(client)
      const copies = Array.from({ length: 20 }, (_, index) => (index % 2 ? send : other.send))
      await Promise.all(copies.map((to) => deliver(to, event)))
      expect(await statesOf(client)).toEqual(['waiting'])
      expect(await deadIds(client)).toEqual([])
    })

    it.each<[string, 'hang-in-handler' | 'hang-when-applied', RegExp]>([
      ['in the handler, its effect not committed', 'hang-in-handler', /^in-handler$/],
      ['with its effect committed, its job not acknowledged', 'hang-when-applied', /^applied$/],
    ])('applies an event once if its worker is killed %s [E22]', async (_, role, word) => {
      const { send, work, client, spawnProcess } = await stage.open()
      const event = eventFixture('red_envelope.sent')
      const worker = spawnProcess(role)
      await deliver(send, event)
      await worker.word(word)
      await worker.kill()
      await work(stage.applying())
      await eventually(async () => {
        await client.passTime()
        const states = (await client.jobs()).map(({ state }) => state)
        expect(states).toEqual(['done'])
      })
      expect(await stage.effectsOf([event])).toEqual([event.id])
    })

    it('reports an event to one worker if its workers are killed at every try [E22, E35]', async () => {
      const { send, work, client, killTries } = await stage.open({ attempts: 2 })
      const event = eventFixture('red_envelope.sent')
      await deliver(send, event)
      await killTries(2)
      const others = await Promise.all([stage.join(client), stage.join(client)])
      const reported: DeadLetter[] = []
      const how: TestWorkOptions = {
        crashes: 1,
        onDeadLetter: (letter) => void reported.push(letter),
      }
      const starts = [work, ...others.map((other) => other.work)]
      await Promise.all(starts.map((start) => start(stage.applying(), how)))
      await eventually(async () => {
        expect(reported).toMatchObject([{ eventId: event.id, attempts: 2 }])
        expect(await deadIds(client)).toEqual([event.id])
      })
      expect(await client.redrive()).toBe(1)
      await eventually(async () => expect(await stage.effectsOf([event])).toEqual([event.id]))
      expect(await deadIds(client)).toEqual([])
      await stage.closeAll()
      expect(reported).toHaveLength(1)
    })

    it('reports to another worker when the one that was reporting is killed [E22, E35]', async () => {
      const { send, work, client, killTries, spawnProcess } = await stage.open({ attempts: 2 })
      const event = eventFixture('red_envelope.sent')
      await deliver(send, event)
      await killTries(2)
      const reporter = spawnProcess('hang-while-reporting')
      await reporter.word(/^reporting$/)
      await reporter.kill()
      await client.noticeDeaths()
      const reported: DeadLetter[] = []
      const onDeadLetter = (letter: DeadLetter): void => void reported.push(letter)
      await work(stage.applying(), { crashes: 1, onDeadLetter })
      await eventually(async () => {
        expect(reported).toMatchObject([{ eventId: event.id }])
        expect(await deadIds(client)).toEqual([event.id])
      })
    })

    it.each<[string, object, RegExp]>([
      [
        'a misspelt option',
        { attempt: 3 },
        /Unknown option `attempt`\. Did you mean `attempts`.*logger/,
      ],
      ['an empty name', { name: '' }, /`name` must be the name of a queue/],
      ['a jobTimeoutMs of 0', { jobTimeoutMs: 0 }, /`jobTimeoutMs` must be/],
      [
        'a keepAppliedSeconds that is too short',
        { keepAppliedSeconds: 3600 },
        /`keepAppliedSeconds` must be/,
      ],
      ['an invalid logger', { logger: 'console' }, /`logger` must be/],
    ])('is refused at start-up with %s', (_, options, expected) => {
      expect(() => host.make(options)).toThrow(OptionError)
      expect(() => host.make(options)).toThrow(expected)
    })

    it('runs a redriven dead letter once, although its event is delivered again', async () => {
      const { send, work, client } = await stage.open({ attempts: 1 })
      const event = eventFixture('red_envelope.sent')
      await deliver(send, event)
      const worker = await work(stage.receiver().on('*', () => Promise.reject(new Error('down'))))
      await eventually(async () => expect(await deadIds(client)).toEqual([event.id]))
      await worker.close()
      expect(await client.redrive()).toBe(1)
      await deliver(send, event)
      expect(await statesOf(client)).toEqual(['waiting'])
      const handler = vi.fn<() => void>()
      await work(stage.receiver().on('*', handler))
      await eventually(async () => expect(await statesOf(client)).toEqual(['done']))
      expect(handler).toHaveBeenCalledOnce()
    })

    describeWorking(stage, host.codesOfLostJob)
    describeClosing(stage)
  })
}
