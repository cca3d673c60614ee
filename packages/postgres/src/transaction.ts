import type { PostgresClient, PostgresResult } from './client.ts'
import type { Connection } from './connection.ts'
import type { Deadline } from './deadline.ts'
import { PostgresInboxError, sqlStateOf } from './errors.ts'
import type { StoredKey } from './key.ts'
import type { Settings } from './options.ts'

/** A transaction in which one event is applied. */
export interface Transaction {
  /** Takes the key, if nobody has it: until the transaction ends, and for good where it commits. */
  claim(key: StoredKey, deadline: Deadline): Promise<'claimed' | 'duplicate' | 'busy'>
  /** Resolves when the key and all that was written with it are committed, and in no other case. */
  commit(deadline: Deadline): Promise<void>
  /** Never rejects: a connection that cannot roll back is closed, which rolls back as well. */
  rollBack(deadline: Deadline): Promise<void>
}

/** What begins transactions on the connections of a pool. */
export type BeginTransaction = (
  connection: Connection<PostgresClient>,
  deadline: Deadline,
) => Promise<Transaction>

export function createTransactions(settings: Settings<PostgresClient>): BeginTransaction {
  const { isolation, lockTimeoutMs, transactionTimeoutMs } = settings
  const claimSql = claimStatement(settings.table.sql)
  const timeouts = [`${lockTimeoutMs}ms`, `${transactionTimeoutMs}ms`]

  return async function begin(connection, startDeadline) {
    await connection.run(startDeadline, `begin isolation level ${isolation}`)
    let xid = ''

    async function claim(
      { id, lock }: StoredKey,
      deadline: Deadline,
    ): Promise<'claimed' | 'duplicate' | 'busy'> {
      try {
        xid = readText(await connection.run(deadline, claimSql, [lock, id, ...timeouts]))
      } catch (error) {
        if (isContended(error)) return 'busy'
        throw error
      }
      return xid === 'busy' || xid === 'duplicate' ? xid : 'claimed'
    }

    async function commit(deadline: Deadline): Promise<void> {
      // COMMIT says COMMIT in a transaction that somebody else began, and outside of any.
      if (readText(await connection.run(deadline, CURRENT_XID)) !== xid) {
        throw new PostgresInboxError('transaction-left')
      }
      const { command } = await connection.run(deadline, 'commit')
      // No error, and nothing committed: the answer to COMMIT after a statement has failed.
      if (command !== 'COMMIT') throw new PostgresInboxError('rolled-back')
    }

    async function rollBack(deadline: Deadline): Promise<void> {
      await connection.run(deadline, 'rollback').catch(() => {
        connection.abandon(new PostgresInboxError('postgres-unreachable'))
      })
    }

    return { claim, commit, rollBack }
  }
}

const CURRENT_XID = `select coalesce(pg_current_xact_id_if_assigned()::text, 'none') as state`

/**
 * One statement, one round trip: sets the time-outs of this transaction, asks for the lock of the
 * key without waiting, and where it is free, records the key. The answer is `busy`, `duplicate`, or
 * the id of the transaction that has recorded it.
 *
 * The lock comes first because an INSERT alone waits for whoever inserted the same key: a hundred
 * duplicates would sit on all connections of a pool until the first one is done.
 *
 * `synchronous_commit = off` would let Postgres forget a COMMIT that it has confirmed.
 *
 * No prepared statement, no session lock, no SET but for the transaction: it works behind PgBouncer
 * in transaction mode.
 */
function claimStatement(table: string): string {
  return `with settings as materialized (
  select
    set_config('lock_timeout', $3, true),
    set_config('statement_timeout', $4, true),
    set_config('idle_in_transaction_session_timeout', $4, true),
    case when current_setting('synchronous_commit') = 'off'
      then set_config('synchronous_commit', 'on', true) end
), guard as materialized (
  select pg_try_advisory_xact_lock($1::bigint) as is_free from settings
), claim as (
  insert into ${table} (key) select $2::uuid from guard where is_free
  on conflict (key) do nothing
  returning pg_current_xact_id()::text as xid
)
select case when is_free then coalesce((select xid from claim), 'duplicate') else 'busy' end as state
from guard`
}

/**
 * While an index of the table is built CONCURRENTLY, ON CONFLICT may run into the key of another
 * transaction all the same (Postgres documentation, INSERT): somebody is just applying it.
 */
function isContended(error: unknown): boolean {
  return error instanceof PostgresInboxError && sqlStateOf(error.cause) === '23505'
}

function readText({ rows }: PostgresResult): string {
  const { state } = Object(rows[0])
  if (typeof state === 'string') return state
  throw new PostgresInboxError('result-unexpected')
}
