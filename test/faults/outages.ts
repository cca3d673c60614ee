import type { WebhookEvent } from '@hongbao/core'
import { describe, expect, it, onTestFinished, vi } from 'vitest'
import type { Fault } from '../servers/proxy.ts'
import type { TestServer } from '../servers/server.ts'
import { newEvent, useStage, type Scene, startWatch } from './outage-stage.ts'
import { EFFECT, type Patience, type Subject } from './outage-subjects.ts'

const OUTAGES: readonly (readonly [
  outage: string,
  begin: (server: TestServer) => Promise<void> | void,
  end: (server: TestServer) => Promise<void> | void,
])[] = [
  ['is stopped', (server) => server.stop(), (server) => server.start()],
  ['has crashed', (server) => server.kill(), (server) => server.start()],
  ['is frozen', (server) => server.freeze(), (server) => server.thaw()],
]

const FAULTS: readonly Fault[] = [
  'lose-request',
  'lose-answer',
  'swallow-request',
  'swallow-answer',
]

/**
 * What every inbox and every hand-off does about a store that fails, seen over HTTP. Each test has
 * one app, which is never restarted.
 */
export function describeOutages(subject: Subject): void {
  describe.skipIf(!subject.isHere)(`an app with ${subject.name}`, () => {
    const stage = useStage(subject)

    it.each(OUTAGES)(
      'answers 500 within 2 s while its server %s, and recovers when it is back [E6]',
      async (_, begin, end) => {
        const scene = await stage.open('default')
        const before = newEvent()
        const during = [newEvent(), newEvent(), newEvent()]
        await scene.deliver(before)
        await begin(stage.server())
        const answers = await Promise.all(during.map((event) => scene.post(event)))
        expect(answers.map(({ status }) => status)).toEqual([500, 500, 500])
        for (const { ms } of answers) expect(ms).toBeLessThan(LIMIT_MS)
        await end(stage.server())
        for (const event of [before, ...during]) {
          await scene.deliver(event)
          await scene.expectAppliedOnce(event)
        }
      },
    )

    it('loses nothing and applies nothing twice while its server restarts [E17]', async () => {
      const scene = await stage.open('default')
      const events = Array.from({ length: 20 }, newEvent)
      const delivered = Promise.all([...events, ...events].map((event) => scene.deliver(event)))
      await stage.server().restart()
      scene.cutAll()
      await stage.server().restart()
      await delivered
      for (const event of events) await scene.expectAppliedOnce(event)
    })

    it('answers 200 for what it has applied, else 500, over a network of 1 kB/s [E12]', async () => {
      const scene = await stage.open('default')
      await scene.deliver(newEvent())
      const alone = newEvent()
      const crowd = Array.from({ length: 9 }, newEvent)
      scene.limit(1000)
      const answers = [await answerTo(scene, alone)]
      answers.push(...(await Promise.all([...crowd, ...crowd].map((one) => answerTo(scene, one)))))
      for (const { event, status } of answers) {
        expect([200, 500]).toContain(status)
        if (status === 200) await scene.expectAppliedOnce(event)
      }
      // Ten events are up to 20 kB to a store: no client waits until they get through.
      expect(Math.min(...answers.map(({ ms }) => ms))).toBeLessThan(5000)
      scene.limit(Infinity)
      for (const event of [alone, ...crowd]) await scene.deliver(event)
      for (const event of [alone, ...crowd]) await scene.expectAppliedOnce(event)
    })

    it('recovers without a restart within 15 s if connections fall silent, opened as in its README [E11]', async () => {
      for (const method of ['error', 'warn'] as const) vi.spyOn(console, method).mockReturnValue()
      onTestFinished(() => void vi.restoreAllMocks())
      const scene = await stage.openReadme()
      await scene.deliver(newEvent())
      const events = Array.from({ length: subject.connections }, newEvent)
      const [[, request]] = subject.steps
      const swallowed = events.map(() => scene.failNext(request, 'swallow-request'))
      const answered = events.map((event) => scene.post(event))
      await Promise.all(swallowed)
      const watch = startWatch()
      for (const { status } of await Promise.all(answered)) expect(status).toBe(500)
      // Nobody cuts them.
      await Promise.all(events.map((event) => scene.deliver(event)))
      expect(watch.stop()).toBeLessThan(15_000)
      for (const event of events) await scene.expectAppliedOnce(event)
    })

    const cuts = subject.steps.flatMap(([step, request]) =>
      FAULTS.map((fault) => ({ fault, step, request })),
    )
    it.each<Patience>(['default', '1.8 s'])(
      'answers in time with every network fault in every step, with a timeout of: %s [E8, E11]',
      async (patience) => {
        const scenes: ((typeof cuts)[number] & { readonly scene: Scene })[] = []
        // One after the other: what they have in common is made by the first.
        for (const cut of cuts) scenes.push({ ...cut, scene: await stage.open(patience) })
        await Promise.all(scenes.map(({ scene }) => scene.deliver(newEvent())))
        const answers = await Promise.all(
          scenes.map(async ({ fault, step, request, scene }) => {
            const event = newEvent()
            const failed = scene.failNext(request, fault)
            const answer = await scene.post(event)
            await failed
            return { event, scene, fault, step, ...answer }
          }),
        )
        const late = answers.filter(({ step, ms }) => ms > limitOf(step, patience))
        expect(late.map(({ fault, step, ms }) => ({ fault, step, ms }))).toEqual([])
        await Promise.all(
          answers.map(async ({ event, scene }) => {
            scene.cutAll()
            await scene.deliver(event)
            await scene.expectAppliedOnce(event)
          }),
        )
      },
    )

    it.each(cuts)(
      'applies an event once despite this network fault: $fault of $step [E9, E10, E11, E19]',
      async ({ fault, request }) => {
        const scene = await stage.open('short')
        await scene.deliver(newEvent())
        const event = newEvent()
        const failed = scene.failNext(request, fault)
        const { status } = await scene.post(event)
        await failed
        expect([200, 500]).toContain(status)
        // Nobody would send it again.
        if (status === 200) await scene.expectAppliedOnce(event)
        // The network reports in the end what a client cannot know.
        scene.cutAll()
        await scene.deliver(event)
        await scene.expectAppliedOnce(event)
      },
    )
  })
}

const LIMIT_MS = 2000

/** A statement of the handler has `handlerTimeoutMs`: a server that is silent looks like one that is slow. */
function limitOf(step: string, patience: Patience): number {
  return step === EFFECT && patience === 'default' ? 5000 + 500 : LIMIT_MS
}

async function answerTo(scene: Scene, event: WebhookEvent) {
  return { event, ...(await scene.post(event)) }
}
