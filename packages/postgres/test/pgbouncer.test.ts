import { Pool } from 'pg'
import postgres from 'postgres'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { hasPgBouncer, startPgBouncer, type PgBouncer } from '../../../test/servers/pgbouncer.ts'
import { postgresInbox } from '../src/index.ts'
import { postgresJsPool } from '../src/postgres-js.ts'
import { openPostgres, type Opened } from './opened.ts'

let opened: Opened
let bouncer: PgBouncer

describe.skipIf(!hasPgBouncer)('through a PgBouncer in transaction mode', () => {
  beforeAll(async () => {
    opened = await openPostgres()
    bouncer = await startPgBouncer(opened.server)
  })

  afterAll(async () => {
    await bouncer.close()
    await opened.close()
  })

  it('postgres applies each of a hundred events once, with `prepare: false`', async () => {
    const pool = postgresJsPool(
      () => postgres(bouncer.url, { max: 1, fetch_types: false, prepare: false }),
      { max: 5 },
    )
    const inbox = postgresInbox({ pool, consumer: 'orders', commandTimeoutMs: 10_000 })
    const keys = Array.from({ length: 100 }, (_, at) => `event ${at}`)
    // PgBouncer assigns a connection of Postgres for each event anew.
    const pids = new Set<unknown>()
    const deliveries = keys.map((key) =>
      inbox.admit(key, async ({ tx }) => {
        await tx`insert into effects (key) values (${key})`
        const [row] = await tx`select pg_backend_pid() as pid from effects where key = ${key}`
        pids.add(row?.['pid'])
      }),
    )
    expect(await Promise.all(deliveries)).toEqual(keys.map(() => 'applied'))
    expect(await Promise.all(keys.map((key) => inbox.admit(key, async () => {})))).toEqual(
      keys.map(() => 'duplicate'),
    )
    for (const key of keys) expect(await opened.countEffects(key)).toBe(1)
    expect(await inbox.cleanUp()).toBe(0)
    expect(pids.size).toBeGreaterThan(1)
    await pool.end()
  })

  it('a claim that its `query_timeout` ended uses no more backends than the pool [E66]', async () => {
    const impatient = await startPgBouncer(opened.server, 'query_timeout = 1')
    const pool = new Pool({
      connectionString: impatient.url,
      application_name: 'impatient',
      max: 2,
    })
    const inbox = postgresInbox({
      pool,
      consumer: 'orders',
      commandTimeoutMs: 5000,
      lockTimeoutMs: 60_000,
    })
    const migration = new Pool({ connectionString: opened.server.url, max: 1 })
    await migration.query('begin; lock table hongbao_inbox in access exclusive mode')
    for (const round of [1, 2, 3]) {
      const admissions = [1, 2, 3].map((at) => inbox.admit(`${round} ${at}`, async () => {}))
      const ends = await Promise.allSettled(admissions)
      expect(ends.map(({ status }) => status)).toEqual(['rejected', 'rejected', 'rejected'])
      const waiting = await opened.query(
        `select from pg_stat_activity where application_name = 'impatient' and wait_event_type = 'Lock'`,
      )
      expect(waiting).toHaveLength(2)
    }
    await migration.end()
    await pool.end()
    await impatient.close()
  })
})
