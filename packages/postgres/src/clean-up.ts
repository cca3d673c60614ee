import type { InboxTable } from '@hongbao/core/internal'
import type { PostgresClient } from './client.ts'
import { run, type Connection } from './connection.ts'
import { deadlineIn } from './deadline.ts'
import { lockOf } from './key.ts'
import type { Settings } from './options.ts'
import { onlyText } from './row.ts'
import { timeoutStatements } from './transaction/transaction.ts'

/** Deletes what is past the retention, a batch at a time. Resolves with how many keys it deleted. */
export async function deleteExpired(
  connection: Connection,
  { table, retentionSeconds, transactionTimeoutMs }: Settings<PostgresClient>,
  batchSize: number,
): Promise<number> {
  const statements = `${timeoutStatements(transactionTimeoutMs)};
${deleteStatement(table, retentionSeconds, batchSize)}`
  let total = 0
  let deleted = batchSize
  while (deleted >= batchSize) {
    // oxlint-disable-next-line no-await-in-loop -- batch by batch, so that no lock is held for long
    const { rows } = await run(connection, deadlineIn(transactionTimeoutMs), statements)
    deleted = Number(onlyText(rows))
    total += deleted
  }
  return total
}

/**
 * Each text is a transaction of its own: 5,000 rows of a million take milliseconds. A process that
 * finds another one at it leaves it to that one, and deletes nothing. By key: of a partitioned table,
 * every partition has a row for one `ctid`. `statement_timestamp()` is stable, so the index on
 * `applied_at` finds the expired rows; with `clock_timestamp()`, which is volatile, it would read all.
 */
function deleteStatement(
  { name, sql }: InboxTable,
  retentionSeconds: number,
  batchSize: number,
): string {
  return `with guard as materialized (
  select pg_try_advisory_xact_lock(${lockOf(`clean-up of ${name}`)}) as is_free
), expired as materialized (
  select key from ${sql}
  where applied_at < statement_timestamp() - make_interval(secs => ${retentionSeconds})
    and (select is_free from guard)
  order by applied_at
  limit ${batchSize}
), deleted as (
  delete from ${sql} where key = any (array (select key from expired)) returning 1
)
select count(*)::text as deleted from deleted`
}
