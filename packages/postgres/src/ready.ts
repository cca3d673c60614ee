import type { InboxTable } from '@hongbao/core/internal'
import { abandon, run, type Connection } from './connection.ts'
import type { Deadline } from './deadline.ts'
import { postgresError } from './errors.ts'
import { onlyText } from './row.ts'
import { timeoutStatements } from './transaction/transaction.ts'

/**
 * Rejects unless events could be applied now. Leaves a transaction open, for its caller to roll
 * back.
 */
export async function checkReady(
  connection: Connection,
  table: InboxTable,
  deadline: Deadline,
): Promise<void> {
  const statements = readyStatements(table, deadline - performance.now())
  const { rows } = await run(connection, deadline, statements)
  const state = onlyText(rows)
  if (state === 'ready') return
  if (state !== 'read-only') throw postgresError('postgres-table-unfit')
  const error = postgresError('postgres-read-only')
  abandon(connection, error)
  throw error
}

/**
 * Postgres checks columns, unique index and rights of a statement that it explains, and runs none of
 * it. It does not check then what it checks of each row: whether the transaction may write, as it may
 * not on a standby, whether the unique index is deferrable, which ON CONFLICT refuses, and whether all
 * other columns may be left out.
 */
function readyStatements({ sql }: InboxTable, timeoutMs: number): string {
  return `begin;
${timeoutStatements(timeoutMs)};
explain insert into ${sql} (key) select gen_random_uuid() on conflict (key) do nothing;
explain delete from ${sql} where key = any (array (select key from ${sql} where applied_at < now()));
with columns as (
  select attname, atttypid, attnum, attnotnull or typnotnull as is_required,
    atthasdef or attidentity <> '' or typdefault is not null as has_default
  from pg_attribute join pg_type on pg_type.oid = atttypid
  where attrelid = to_regclass('${sql}') and attnum > 0 and not attisdropped
)
select case
  when current_setting('transaction_read_only') = 'on' then 'read-only'
  when exists (select from pg_class where oid = to_regclass('${sql}') and relpersistence = 'p')
    and 2 = (
      select count(*) from columns
      where (attname, atttypid, has_default or attname = 'key') in (
        ('key', 'uuid'::regtype, true), ('applied_at', 'timestamptz'::regtype, true)
      )
    )
    and not exists (
      select from columns where attname <> 'key' and is_required and not has_default
    )
    and not exists (
      select from pg_index join columns on attname = 'key' and indkey[0] = attnum
      where indrelid = to_regclass('${sql}') and indisunique and indnkeyatts = 1 and not indimmediate
    )
  then 'ready'
  else 'unfit'
end as state`
}
