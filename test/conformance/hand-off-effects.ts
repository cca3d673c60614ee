import type { WebhookEvent } from '@hongbao/core'
import { postgresInbox, type PostgresInbox } from '@hongbao/postgres'
import type { Pool, PoolClient } from 'pg'

/** The inbox of workers, with effects in the same database: they commit with the key or not at all. */
export interface Effects {
  readonly inbox: PostgresInbox<PoolClient>
  /** Makes the tables. */
  create(): Promise<void>
  /** Applies an event in the transaction of the inbox. */
  applyEffect(event: WebhookEvent, tx: PoolClient): Promise<void>
  /** The ids of the events whose effects are there, once for each effect. */
  applied(): Promise<string[]>
}

/** The table has no unique key, so that doubles show. */
export function openEffects(pool: Pool): Effects {
  const inbox = postgresInbox({ pool, consumer: 'orders', cleanUpEverySeconds: false })
  return {
    inbox,
    async create() {
      await inbox.ensureSchema()
      await pool.query('create table if not exists effects (event_id text not null)')
    },
    async applyEffect(event, tx) {
      await tx.query('insert into effects (event_id) values ($1)', [event.id])
    },
    async applied() {
      const { rows } = await pool.query<{ event_id: string }>('select event_id from effects')
      return rows.map((row) => row.event_id)
    },
  }
}
