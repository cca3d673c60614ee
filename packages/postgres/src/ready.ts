import type { PostgresClient } from './client.ts'
import type { Connection } from './connection.ts'
import type { Deadline } from './deadline.ts'
import { postgresError } from './errors.ts'
import { onlyText } from './row.ts'
import type { InboxTable } from './table.ts'
import { timeoutStatements } from './transaction.ts'

/**
 * Rejects unless events could be applied now. Leaves a transaction behind, for its caller to roll
 * back.
 */
export async function checkReady(
  connection: Connection<PostgresClient>,
  table: InboxTable,
  deadline: Deadline,
): Promise<void> {
  const timeoutMs = deadline - performance.now()
  const { rows } = await connection.run(deadline, readyStatements(table, timeoutMs))
  const state = onlyText(rows)
  if (state === 'ready') return
  const error = postgresError(state === 'read-only' ? 'postgres-read-only' : 'postgres-table-unfit')
  if (state === 'read-only') connection.abandon(error)
  throw error
}

/**
 * Postgres checks columns, unique index and rights of a statement that it explains, and runs none of
 * it. It does not check then whether the transaction may write, as it may not on a standby.
 */
function readyStatements({ sql }: InboxTable, timeoutMs: number): string {
  return `begin;
${timeoutStatements(timeoutMs)};
explain insert into ${sql} (key) select gen_random_uuid() on conflict (key) do nothing;
explain delete from ${sql} where key = any (array (select key from ${sql} where applied_at < now()));
select case
  when current_setting('transaction_read_only') = 'on' then 'read-only'
  when 2 = (
    select count(*) from pg_class join pg_attribute on attrelid = pg_class.oid
    where pg_class.oid = to_regclass('${sql}') and relpersistence = 'p' and attnotnull
      and (attname, atttypid, atthasdef or attname = 'key') in (
        ('key', 'uuid'::regtype, true), ('applied_at', 'timestamptz'::regtype, true)
      )
  ) then 'ready'
  else 'unfit'
end as state`
}
