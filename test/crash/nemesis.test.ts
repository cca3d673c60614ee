import { describe, expect, it } from 'vitest'
import { seeded } from '../../packages/core/test/seeded.ts'
import type { Aim } from './app-process.ts'
import type { Fleet } from './fleet.ts'
import type { Kill } from './history.ts'
import { createNemesis } from './nemesis.ts'
import { STORES } from './stores.ts'

const SERVERS = { restart: () => Promise.reject(new Error('No server is restarted.')) }

/** Kills as a trial does, with a stop before every third one. `meets` says whether a kill comes to its point. */
async function interrupt(
  store: string,
  seed: number,
  kills: number,
  meets: (kill: number) => boolean = () => true,
) {
  const { points = [], restarts = [] } = STORES[store] ?? {}
  const interruptions: Kill[] = []
  const stops: (Aim | undefined)[] = []
  const app = {
    async kill(aim?: Aim) {
      const point = meets(interruptions.length) ? aim?.point : undefined
      interruptions.push({ kind: 'kill', process: 1, point: point ?? 'outside' })
      return true
    },
    async stop(_: number, aim?: Aim) {
      stops.push(aim)
    },
  }
  const fleet = { idle: () => [app], interruptions } as unknown as Fleet
  const nemesis = createNemesis({ points, restarts }, fleet, SERVERS as never, seeded(seed))
  for (let kill = 1; kill <= kills; kill += 1) {
    if (kill % 3 === 0) await nemesis.stop()
    await nemesis.kill()
  }
  return { nemesis, points, stops, met: interruptions.map(({ point }) => point) }
}

describe('kills', () => {
  it.each(Object.keys(STORES))(
    'meet every point of %s, whatever the seed, before any moment is random [E22]',
    async (store) => {
      for (let seed = 1; seed <= 50; seed += 1) {
        const kills = STORES[store]?.points.length ?? 0
        const { nemesis, points, met } = await interrupt(store, seed, kills)
        expect(met.toSorted()).toEqual(points.toSorted())
        expect(nemesis.unmetPoints()).toEqual([])
      }
    },
  )

  it('come back to a point that an earlier kill has missed', async () => {
    const { points, met } = await interrupt('bullmq', 1, 12, (kill) => kill !== 2 && kill !== 5)
    expect(met.filter((point) => point === 'outside')).toHaveLength(2)
    expect(new Set(met)).toEqual(new Set([...points, 'outside']))
  })

  it('are at a random moment too, when every point was met', async () => {
    const { met, points } = await interrupt('postgres', 1, 100)
    const later = met.slice(points.length)
    expect(later.filter((point) => point === 'outside').length).toBeGreaterThan(5)
    expect(new Set(later)).toEqual(new Set([...points, 'outside']))
  })

  it('leave stops their own turns: stops are at every point too', async () => {
    const { stops, points } = await interrupt('bullmq', 1, 120)
    const met = stops.flatMap((aim) => aim?.point ?? [])
    expect(new Set(met)).toEqual(new Set(points))
  })
})
