import { postgresInbox } from '@hongbao/postgres'
import { Client, Pool, type PoolClient } from 'pg'
import { hasPgBouncer, startPgBouncer } from '../../servers/pgbouncer.ts'
import { findPostgres, startPostgres, type PostgresBinaries } from '../../servers/postgres.ts'
import type { InboxHost, InboxStore, OpenInbox } from '../inbox-host.ts'

const MODEL_RUNS = 80

/**
 * The inbox on every Postgres that is here, and behind a PgBouncer in transaction mode. Effects are
 * in the same database: they commit with the key or not at all. The order of events is the same on all of
 * them: the sequences on the second and later ones are about what their servers answer.
 */
export const postgresHosts: readonly InboxHost[] = [
  ...findPostgres().map((binaries, at) => ({
    hold: 'transaction' as const,
    modelRuns: at === 0 ? MODEL_RUNS : MODEL_RUNS / 2,
    name: `postgresInbox on Postgres ${binaries.version}`,
    start: () => startStore(binaries, false),
  })),
  ...(hasPgBouncer ? findPostgres().slice(0, 1) : []).map((binaries) => ({
    hold: 'transaction' as const,
    modelRuns: MODEL_RUNS / 2,
    name: 'postgresInbox behind PgBouncer',
    start: () => startStore(binaries, true),
  })),
]

/** A thousand deliveries for ten connections take their time on a busy machine: the suite is about order. */
const commandTimeoutMs = 30_000

async function startStore(binaries: PostgresBinaries, isBounced: boolean): Promise<InboxStore> {
  const server = await startPostgres({ binaries, settings: { max_connections: 200 } })
  const bouncer = isBounced ? await startPgBouncer(server) : undefined
  const { url } = bouncer ?? server
  const admin = new Client({ connectionString: server.url })
  await admin.connect()
  await admin.query('create table effects (key text not null)')
  const ownerPool = new Pool({ connectionString: url, max: 1 })
  const owner = postgresInbox({ pool: ownerPool, consumer: 'orders', commandTimeoutMs })
  await owner.ensureSchema()
  /** Which server process holds a key. */
  const holders = new Map<string, number>()
  let processes = 0

  function open(): Promise<OpenInbox> {
    processes += 1
    const name = `process ${processes}`
    const pool = new Pool({ connectionString: url, application_name: name, max: 10 })
    const clients = new Set<PoolClient>()
    pool.on('connect', (client) => clients.add(client))
    const inbox = postgresInbox({
      pool,
      consumer: 'orders',
      commandTimeoutMs,
      cleanUpEverySeconds: false,
    })
    return Promise.resolve({
      retentionSeconds: inbox.retentionSeconds,
      ready: () => inbox.ready(),
      admit: (key, work) =>
        inbox.admit(key, async ({ tx }) => {
          const { rows } = await tx.query<{ pid: number }>('select pg_backend_pid() as pid')
          holders.set(key, rows[0]?.pid ?? 0)
          await work(async () => {
            await tx.query('insert into effects (key) values ($1)', [key])
          })
        }),
      async crash() {
        for (const client of clients) cut(client)
        // The server connections of a PgBouncer stay; what ran on them is rolled back.
        await waitFor(
          'select 1 from pg_stat_activity where application_name = $1 and xact_start is not null',
          name,
        )
      },
      close: () => pool.end(),
    })
  }

  async function takeAway(key: string): Promise<void> {
    const pid = holders.get(key)
    await admin.query('select pg_terminate_backend($1)', [pid])
    await waitFor('select 1 from pg_stat_activity where pid = $1', pid)
  }

  /** Asks until there is nothing to be found any more. */
  async function waitFor(query: string, value: unknown): Promise<void> {
    while ((await admin.query(query, [value])).rows.length > 0);
  }

  return {
    open,
    takeAway,
    async countEffects(key) {
      const query = 'select count(*)::int as count from effects where key = $1'
      return (await admin.query<{ count: number }>(query, [key])).rows[0]?.count ?? 0
    },
    async advance(seconds) {
      const query = 'update hongbao_inbox set applied_at = applied_at - make_interval(secs => $1)'
      await admin.query(query, [seconds])
    },
    async clean() {
      await owner.cleanUp()
    },
    async close() {
      await admin.end()
      await ownerPool.end()
      await bouncer?.close()
      await server.close()
    },
  }
}

/** As if the process were gone: the socket ends without a message. */
function cut(client: PoolClient): void {
  const { connection } = client as unknown as { connection: { stream: { destroy(): void } } }
  connection.stream.destroy()
}
