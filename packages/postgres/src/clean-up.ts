import type { PostgresClient } from './client.ts'
import type { Connection } from './connection.ts'
import { deadlineIn } from './deadline.ts'
import { PostgresInboxError } from './errors.ts'
import { lockOf } from './key.ts'
import type { InboxTable } from './table.ts'

/** Deletes what is past the retention, a batch at a time. Resolves with how many keys it deleted. */
export async function deleteExpired(
  connection: Connection<PostgresClient>,
  table: InboxTable,
  retentionSeconds: number,
  batchSize: number,
  timeoutMs: number,
): Promise<number> {
  const values = [lockOf(`clean-up of ${table.name}`), retentionSeconds, batchSize].map(String)
  const statement = deleteStatement(table.sql)
  let total = 0
  let deleted = batchSize
  while (deleted >= batchSize) {
    // oxlint-disable-next-line no-await-in-loop -- batch by batch, so that no lock is held for long
    const { rows } = await connection.run(deadlineIn(timeoutMs), statement, values)
    deleted = readCount(rows)
    total += deleted
  }
  return total
}

/**
 * A statement is a transaction of its own: 5,000 rows of a million take milliseconds. Whoever finds
 * somebody else at it leaves it to them, and deletes nothing.
 */
function deleteStatement(table: string): string {
  return `with guard as materialized (
  select pg_try_advisory_xact_lock($1::bigint) as is_free
), expired as materialized (
  select ctid from ${table}
  where applied_at < clock_timestamp() - make_interval(secs => $2::bigint)
    and (select is_free from guard)
  order by applied_at
  limit $3::bigint
), deleted as (
  delete from ${table} where ctid = any (array (select ctid from expired)) returning 1
)
select count(*)::text as deleted from deleted`
}

function readCount([row]: readonly unknown[]): number {
  const { deleted } = Object(row)
  if (typeof deleted === 'string') return Number(deleted)
  throw new PostgresInboxError('result-unexpected')
}
