import type { PostgresClient } from '../client.ts'
import { abandon, run, type Connection } from '../connection.ts'
import type { Deadline } from '../deadline.ts'
import { isPostgresError, postgresError, sqlStateOf } from '../errors.ts'
import type { StoredKey } from '../key.ts'
import type { Settings } from '../options.ts'
import { onlyText } from '../row.ts'

/** Result of a claim. A claimed key is ours until the transaction ends, and for good if that commits. */
export type Claim = 'claimed' | 'duplicate' | 'busy'

/** Begins a transaction and claims the key, unless another process has it. */
export async function claim(
  connection: Connection,
  begin: (key: StoredKey, timeoutMs: number) => string,
  key: StoredKey,
  deadline: Deadline,
): Promise<Claim> {
  try {
    const { rows } = await run(connection, deadline, begin(key, deadline - performance.now()))
    const state = onlyText(rows)
    if (state === 'busy' || state === 'duplicate') return state
    if (!/^\d+$/.test(state)) throw postgresError('postgres-result-unexpected')
    connection.xid = state
    return 'claimed'
  } catch (error) {
    const state = causeState(error)
    // While an index of the table is built CONCURRENTLY, ON CONFLICT may run into the key of another
    // transaction (Postgres documentation, INSERT): another process is applying the event.
    if (state === UNIQUE_VIOLATION) return 'busy'
    // The claim writes a key and defaults only: what refuses that is the table.
    if (state !== NOT_IN_PREREQUISITE_STATE && !state.startsWith(INTEGRITY_VIOLATION)) throw error
    throw postgresError('postgres-table-unfit', { cause: Object(error).cause })
  }
}

/** Resolves only after the key and all that was written with it are committed. */
export async function commit(connection: Connection, deadline: Deadline): Promise<void> {
  try {
    const { command } = await run(connection, deadline, commitStatements(`${connection.xid}`))
    // No error, and nothing committed: the answer to COMMIT after a statement has failed.
    if (command !== 'COMMIT') throw postgresError('postgres-rolled-back')
  } catch (error) {
    if (causeState(error) !== DIVISION_BY_ZERO) throw error
    throw postgresError('postgres-transaction-left', { cause: error })
  }
}

/** Never rejects: a connection that cannot roll back is closed, which rolls back as well. */
export async function rollBack(connection: Connection, deadline: Deadline): Promise<void> {
  await run(connection, deadline, 'rollback').catch(() => {
    abandon(connection, postgresError('postgres-unreachable'))
  })
}

const DIVISION_BY_ZERO = '22012'
const UNIQUE_VIOLATION = '23505'
const INTEGRITY_VIOLATION = '23'
// ON CONFLICT, if the unique constraint is deferrable.
const NOT_IN_PREREQUISITE_STATE = '55000'

/** The SQLSTATE of Postgres's error, or an empty text. */
function causeState(error: unknown): string {
  return (isPostgresError(error) && sqlStateOf(error.cause)) || ''
}

/**
 * Begins, sets the time-outs of only this transaction, asks for the lock of the key without waiting,
 * and if that is free, records the key. The answer is `busy`, `duplicate`, or the id of the
 * transaction that has recorded it.
 *
 * The time-outs of the claim are statements of their own: Postgres locks the table when it parses the
 * INSERT, before anything in that statement runs. The claim ends by them on the server, with the
 * reason, while the inbox still waits; a backend whose client has gone would wait on.
 *
 * The lock comes first because an INSERT without it waits for the transaction that inserted the same
 * key: a hundred duplicates would hold all connections of a pool until the first one is done.
 *
 * `synchronous_commit = off` would let Postgres forget a COMMIT that it has confirmed.
 *
 * All in one text, of which Postgres runs nothing after a statement that fails; a key stands in it
 * as digits. No prepared statement, no session lock, no SET beyond the transaction: it works with
 * PgBouncer in transaction mode.
 */
export function beginFor({
  isolation,
  lockTimeoutMs,
  transactionTimeoutMs,
  table,
}: BeginSettings): (key: StoredKey, timeoutMs: number) => string {
  return function begin({ id, lock }, timeoutMs) {
    return `begin isolation level ${isolation};
${timeoutStatements(timeoutMs, lockTimeoutMs)};
with settings as materialized (
  select
    set_config('lock_timeout', '${lockTimeoutMs}ms', true),
    set_config('statement_timeout', '${transactionTimeoutMs}ms', true),
    set_config('idle_in_transaction_session_timeout', '${transactionTimeoutMs}ms', true),
    case when current_setting('synchronous_commit') = 'off'
      then set_config('synchronous_commit', 'on', true) end
), guard as materialized (
  select pg_try_advisory_xact_lock(${lock}) as is_free from settings
), claim as (
  insert into ${table.sql} (key) select '${id}'::uuid from guard where is_free
  on conflict (key) do nothing
  returning pg_current_xact_id()::text as xid
)
select case when is_free then coalesce((select xid from claim), 'duplicate') else 'busy' end as state
from guard`
  }
}

type BeginSettings = Pick<
  Settings<PostgresClient>,
  'isolation' | 'lockTimeoutMs' | 'transactionTimeoutMs' | 'table'
>

/**
 * Bounds what the server does for the next statements of this transaction: they end a little before
 * the inbox stops waiting, and if it is a lock that they wait for, with an error that says so.
 */
export function timeoutStatements(timeoutMs: number, lockTimeoutMs: number = Infinity): string {
  const lockMs = Math.min(lockTimeoutMs, timeoutMs * LOCK_SHARE)
  return `set local lock_timeout = ${wholeMs(lockMs)};
set local statement_timeout = ${wholeMs(timeoutMs)}`
}

/** What is left is for the way there and back. */
const LOCK_SHARE = 0.75

/** 0 would be no limit at all. */
function wholeMs(ms: number): number {
  return Math.max(1, Math.floor(ms))
}

/**
 * Postgres answers COMMIT with COMMIT in any transaction, and outside of one. So a check comes first:
 * it divides by zero unless this is still the transaction that recorded the key.
 */
export function commitStatements(xid: string): string {
  return `select 1 / (coalesce(pg_current_xact_id_if_assigned()::text, '') = '${xid}')::int;
commit`
}
