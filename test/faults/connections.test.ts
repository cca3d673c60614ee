import { Client, DatabaseError } from 'pg'
import { describe, expect, it } from 'vitest'
import { startPostgres } from '../servers/postgres.ts'
import { newEvent, useStage } from './outage-stage.ts'
import { PG_BOSS_HAND_OFF, POSTGRES_INBOXES } from './outage-subjects.ts'

const MAX_CONNECTIONS = 30

const settings = {
  max_connections: MAX_CONNECTIONS,
  // The tests are a superuser, for whom Postgres would keep some.
  superuser_reserved_connections: 0,
}

for (const subject of [...POSTGRES_INBOXES, PG_BOSS_HAND_OFF]) {
  describe(`an app with ${subject.name}`, () => {
    const stage = useStage({ ...subject, startServer: () => startPostgres({ settings }) })

    it('answers 500 within 2 s while other clients have all connections of its server, and recovers when they leave [E17]', async () => {
      const scene = await stage.open('default')
      const before = newEvent()
      const during = [newEvent(), newEvent(), newEvent()]
      await scene.deliver(before)
      const others = await occupy(stage.server().port, 'all')
      const answers = await Promise.all(during.map((event) => scene.post(event)))
      expect(answers.map(({ status }) => status)).toEqual([500, 500, 500])
      for (const { ms } of answers) expect(ms).toBeLessThan(2000)
      await others.leave()
      for (const event of [before, ...during]) {
        await scene.deliver(event)
        await scene.expectAppliedOnce(event)
      }
    })

    it('works with the connections it has while other clients have the rest [E17]', async () => {
      const scene = await stage.open('default')
      const events = Array.from({ length: 20 }, newEvent)
      await scene.deliver(newEvent())
      const others = await occupy(stage.server().port, 'the rest')
      const answers = await Promise.all(
        [...events, ...events].map(async (event) => ({ event, ...(await scene.post(event)) })),
      )
      expect(answers.map(({ status }) => status)).toContain(200)
      await others.leave()
      for (const { event, status } of answers) {
        expect([200, 500]).toContain(status)
        if (status === 200) await scene.expectAppliedOnce(event)
      }
      for (const event of events) {
        await scene.deliver(event)
        await scene.expectAppliedOnce(event)
      }
    })
  })
}

/** Takes the connections that are free, or those of everybody else as well. */
async function occupy(port: number, which: 'the rest' | 'all') {
  const mine: Client[] = []
  let isFull = false
  while (!isFull) {
    const client = new Client({ host: '127.0.0.1', port, user: 'postgres', application_name: MINE })
    client.on('error', () => {})
    try {
      await client.connect()
      mine.push(client)
      isFull = mine.length === MAX_CONNECTIONS
    } catch (error) {
      if (!(error instanceof DatabaseError) || error.code !== TOO_MANY_CONNECTIONS) throw error
      if (which === 'all') await mine[0]?.query(END_OTHERS, [MINE])
      else isFull = true
    }
  }
  return {
    async leave() {
      await Promise.all(mine.map((client) => client.end()))
    },
  }
}

const TOO_MANY_CONNECTIONS = '53300'
const MINE = 'another client'

const END_OTHERS = `
select pg_terminate_backend(pid) from pg_stat_activity
where backend_type = 'client backend' and application_name <> $1`
