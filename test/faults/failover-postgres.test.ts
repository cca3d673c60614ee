import { Client } from 'pg'
import { afterAll, beforeAll, describe, expect, it, onTestFinished, vi } from 'vitest'
import { startPostgres, type PostgresServer } from '../servers/postgres.ts'
import { newEvent, startWatch, useStage } from './outage-stage.ts'
import { PG_BOSS_HAND_OFF, POSTGRES_INBOXES, prepareReadme } from './outage-subjects.ts'
import { PATIENCE_MS } from '../patience.ts'

// The name of a primary moves to another server, and nothing cuts the connections to the old one.

for (const subject of [...POSTGRES_INBOXES, PG_BOSS_HAND_OFF]) {
  describe(`an app with ${subject.name}`, () => {
    const stage = useStage(subject)
    let next: PostgresServer

    beforeAll(async () => {
      next = await startPostgres()
    })

    afterAll(() => next.close())

    it('recovers without a restart within 15 s when its server is read-only and its name has moved, opened as in its README [E42]', async () => {
      for (const method of ['error', 'warn'] as const) vi.spyOn(console, method).mockReturnValue()
      onTestFinished(() => void vi.restoreAllMocks())
      await prepareReadme(stage.server().port)
      const scene = await stage.openReadme(next)
      // As many connections as its pool has, all of them to the old server.
      await Promise.all(
        Array.from({ length: subject.connections }, () => scene.deliver(newEvent())),
      )
      await makeReadOnly(stage.server().port)
      const during = newEvent()
      expect(await scene.post(during)).toMatchObject({ status: 500 })
      scene.moveTo(next.port)
      const watch = startWatch()
      const events = [during, ...Array.from({ length: subject.connections }, newEvent)]
      await Promise.all(events.map((event) => scene.deliver(event)))
      expect(watch.stop()).toBeLessThan(15_000)
      for (const event of events) await scene.expectAppliedOnce(event)
    })
  })
}

/** As a primary is that was fenced off: its sessions go on, and none of them may write. */
async function makeReadOnly(port: number): Promise<void> {
  const client = new Client({ host: '127.0.0.1', port, user: 'postgres', database: 'postgres' })
  await client.connect()
  await client.query('alter system set default_transaction_read_only = on')
  await client.query('select pg_reload_conf()')
  await vi.waitFor(
    async () => {
      const { rows } = await client.query<object>('show default_transaction_read_only')
      expect(rows).toEqual([{ default_transaction_read_only: 'on' }])
    },
    { timeout: PATIENCE_MS, interval: 20 },
  )
  await client.end()
}
